"""Answers in JSON, and the answers to errors."""

from collections.abc import Mapping
from contextlib import nullcontext
from math import ceil
from typing import Any, cast

import msgspec
import structlog
import trio
from msgspec import UNSET
from quart import Quart, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from reichatd.api.security_headers import SECURITY_HEADERS
from reichatd.api.services import limits
from reichatd.api.types import Answer, Problem, Refusal
from reichatd.errors import Muted, OtherLog, RateLimited, ReichatError, TryAgainLater, Unauthorized, Unavailable
from reichatd.messaging import Body
from reichatd.store import StoreError, StoreUnavailable
from reichatd.timestamps import isoformat

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
OK = Answer()
HEADERS = {
    **SECURITY_HEADERS,
    "Cache-Control": "no-store",
    # Whatever a browser takes an answer for, it loads nothing and shows it in no frame.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Headers of every answer in JSON."""
_encoder = msgspec.json.Encoder()


def answer(body: Answer | Refusal = OK, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in JSON; without arguments, `{"message": "ok"}`."""
    return Response(_encoder.encode(body), status, {**HEADERS, **(headers or {})}, content_type="application/json")


def answer_errors(app: Quart) -> None:
    """Registers handlers that answer errors in JSON. Any other exception is a fault, which the app answers by `failed`."""
    app.register_error_handler(ReichatError, refused)
    app.register_error_handler(RateLimited, rate_limited)
    app.register_error_handler(StoreUnavailable, store_unavailable)
    app.register_error_handler(HTTPException, http_refused)


def refused(error: ReichatError) -> Response:
    return answer(*refusal(error))


def refusal(error: ReichatError) -> tuple[Refusal, int, dict[str, str]]:
    """The body, the status, and the headers that tell of an error."""
    headers = {}
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TryAgainLater):
        headers["Retry-After"] = str(ceil(error.retry_after))  # whole seconds (RFC 9110, 10.2.3)
    body = Refusal(
        message=error.message,
        code=error.code,
        errors=[Problem(field, problem) for field, problem in error.problems],
        until=isoformat(error.until) if isinstance(error, Muted) else UNSET,
        log=error.log if isinstance(error, OtherLog) else UNSET,
    )
    return body, error.status, headers


async def refuse_late(error: ReichatError | StoreError, body: Body, seconds: float) -> None:
    """Answers an error in place of a body that was to come later.

    Arguments:
        seconds: as for `rate_limited`.
    """
    if isinstance(error, StoreError):
        log.warning("store unavailable", error=str(error))
        error = Unavailable()
    if isinstance(error, RateLimited):
        await trio.sleep(seconds)
    told, status, headers = refusal(error)
    await body.refuse(status, headers, _encoder.encode(told))


async def rate_limited(error: RateLimited) -> Response:
    """Answers late: clients that try again at once would keep the daemon busy with refusals."""
    # Meanwhile the gateway may close the connection for another one: see reichatd.gateway.admission.
    with cast("dict[str, Any]", request.scope).get("reichatd.held_back", nullcontext)():
        await trio.sleep(limits().refusal_seconds)
    return refused(error)


def store_unavailable(error: StoreUnavailable) -> Response:
    log.warning("store unavailable", error=str(error))
    return refused(Unavailable())


def http_refused(error: HTTPException) -> Response:
    """Answers what Quart itself refuses: an unknown path or method, a body that is too large or too slow."""
    headers = {}
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return answer(as_refusal(error), error.code or 500, headers)


def as_refusal(error: HTTPException) -> Refusal:
    """An HTTP error of Quart, in the form of this interface."""
    return Refusal(message=error.name.capitalize(), code=error.name.lower().replace(" ", "_"))


def failed(error: Exception) -> Response:
    """Answers an internal error: the log has all details, the client gets none."""
    log.error("request failed", exc_info=error)
    return refused(ReichatError())
