"""Answers whose body comes in pieces, at once or later."""

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, cast

from quart import Response, request

from reichatd.api.answers import HEADERS
from reichatd.messaging import Later

HAND_OVER = "reichatd.hand_over"
"""The key in the request's scope under which the gateway takes a `Later`: see `reichatd.gateway.late_body`."""


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
            hand_over(body)
    return Response(pieces, 200, {**HEADERS, **(headers or {})}, content_type=content_type)


async def _nothing() -> AsyncGenerator[bytes]:
    return
    yield b""
