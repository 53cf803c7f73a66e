"""Answers whose body comes in pieces, at once or later."""

from collections.abc import AsyncGenerator, Callable, Mapping
from functools import partial
from typing import Any, cast

from quart import Response, request

from reichatd.api.answers import HEADERS, refuse_late
from reichatd.api.services import limits
from reichatd.errors import ReichatError
from reichatd.messaging import HAND_OVER, Body, Later
from reichatd.store import StoreError


def streamed(
    body: AsyncGenerator[bytes] | Later, content_type: str, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer with this body. If it comes later, the gateway sends it, when nothing is left of the request."""
    if isinstance(body, AsyncGenerator):
        pieces = body
    else:
        pieces = _nothing()
        if request.method != "HEAD":
            hand_over = cast("Callable[[Later], None]", cast("dict[str, Any]", request.scope)[HAND_OVER])
            hand_over(partial(_send_late, body, limits().refusal_seconds))
    return Response(pieces, 200, {**HEADERS, **(headers or {})}, content_type=content_type)


async def _send_late(later: Later, refusal_seconds: float, body: Body) -> None:
    try:
        await later(body)
    except (ReichatError, StoreError) as error:
        await refuse_late(error, body, refusal_seconds)


async def _nothing() -> AsyncGenerator[bytes]:
    return
    yield b""
