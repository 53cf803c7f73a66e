"""Requests to an OpenID provider. The only module of the daemon that imports httpx."""

import ssl
from typing import Any, TypeVar

import msgspec
import trio
from msgspec import Struct

_MAX_BYTES = 1_048_576
"""The longest answer; what follows is dropped."""

T = TypeVar("T")


class ProviderError(Exception):
    """The provider does not answer as it should. The text says what is wrong, in one line, without secrets."""


class RecentFailure(ProviderError):
    """The provider failed a moment ago, and was not asked again."""


class RequestRefused(ProviderError):
    """The provider answers with an error, for example `invalid_grant` (RFC 6749, 5.2)."""

    def __init__(self, where: str, status: int, error: str) -> None:
        self.error = error
        super().__init__(f"{where} answers with status {status}{f', {error}' if error else ''}")


class _Error(Struct):
    error: str = ""


async def ask(method: str, url: str, *, tls: ssl.SSLContext, seconds: float, **request: Any) -> bytes:  # noqa: ANN401 - httpx's
    """The body of a successful answer. Redirects are not followed.

    Arguments:
        seconds: how long it may take in all.

    Raises:
        ProviderError: there is no answer, or no successful one.
    """
    import httpx  # imported with the first login: the import is slow, and most daemons have no provider

    where = url.partition("?")[0]
    try:
        with trio.fail_after(seconds):
            async with (
                httpx.AsyncClient(verify=tls, timeout=None) as http,
                http.stream(method, url, **request) as response,
            ):
                body = b""
                # To its end, or to the deadline: generators of httpx that are left early are never closed.
                async for chunk in response.aiter_bytes():
                    body += chunk[: _MAX_BYTES + 1 - len(body)]
    except trio.TooSlowError:
        raise ProviderError(f"{where} does not answer in {seconds:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ProviderError(f"{where} cannot be reached: {_reason(error)}") from error
    if len(body) > _MAX_BYTES:
        raise ProviderError(f"{where} answers with more than {_MAX_BYTES} bytes")
    if response.status_code != 200:
        raise RequestRefused(where, response.status_code, _error_in(body))
    return body


def decoded(body: bytes, kind: type[T], where: str) -> T:
    """Decodes an answer of `where`. Raises ProviderError."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        # The text names fields and types, no values.
        raise ProviderError(f"{where} answers with something else: {error}") from None


def _reason(error: BaseException) -> str:
    """What is behind an error of httpx, whose own text may be empty. httpcore names no causes, so the context counts."""
    while (
        cause := error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error.__cause__ or error.__context__
    ):
        error = cause
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid here: {error.verify_message}"
    return str(error) or type(error).__name__


def _error_in(body: bytes) -> str:
    """The error code in an answer (RFC 6749, 5.2); "" if there is none."""
    try:
        error = msgspec.json.decode(body, type=_Error).error
    except msgspec.MsgspecError:
        return ""
    return error if error.replace("_", "").isalpha() and error.isascii() else ""
