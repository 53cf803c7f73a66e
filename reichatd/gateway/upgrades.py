"""Answers plain requests for a WebSocket's path: a proxy may have dropped their Upgrade header."""

import re
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import structlog
from hypercorn.typing import ASGIFramework

from reichatd.gateway.lingering_close import GatewayRefusal

_SOCKET_PATHS = re.compile(r"/ws/(?:chat/[^/]+|doctor)")  # without /room/{room_id}, which is a path of REST too
_LOGGED_CHARACTERS = 200
# Upgrade has no effect without Connection (RFC 9110, 7.8).
_WITHOUT_UPGRADE = GatewayRefusal(
    HTTPStatus.UPGRADE_REQUIRED,
    "upgrade_required",
    "This is a WebSocket, and the request came without 'Upgrade: websocket'. "
    "If a WebSocket client has sent it, a proxy on the way has dropped that header",
    (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Cache-Control", "no-store")),
)
_OTHER_METHOD = GatewayRefusal(
    HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed", (("Allow", "GET, HEAD"),)
)

log = structlog.get_logger()


def requiring_upgrades(app: ASGIFramework) -> ASGIFramework:
    """Wraps `app`: requests for a WebSocket's path are answered with 426 or 405, and do not reach it."""

    async def guarded(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's types do not fit
        if _SOCKET_PATHS.fullmatch(scope["path"]) is None:
            await app(scope, receive, send)
        elif scope["method"] in ("GET", "HEAD"):
            log.info("request without upgrade", path=quote(scope["path"][:_LOGGED_CHARACTERS], errors="replace"))
            await _answer(_WITHOUT_UPGRADE, send)
        else:
            await _answer(_OTHER_METHOD, send)

    return guarded


async def _answer(refusal: GatewayRefusal, send: Any) -> None:  # noqa: ANN401
    await send({"type": "http.response.start", "status": refusal.status.value, "headers": refusal.fields})
    await send({"type": "http.response.body", "body": refusal.body})
