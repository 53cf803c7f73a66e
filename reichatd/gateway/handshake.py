"""A WebSocket's handshake (RFC 6455, 4.2). Pure.

Done here, before the library: bytes beyond ASCII end that, and a handshake that it refuses leaves its caller waiting.
"""

import re
from http import HTTPStatus

import h11
from wsproto.utilities import generate_accept_token

from reichatd.gateway.lingering_close import GatewayRefusal

_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")  # 16 bytes in base64
_ACCEPTED = b"HTTP/1.1 101 \r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n\r\n"


def shake_hands(head: bytes) -> bytes | GatewayRefusal:
    """The answer that opens the WebSocket, or what is wrong with the request.

    Arguments:
        head: a request's that asks for an upgrade to a WebSocket.
    """
    parser = h11.Connection(h11.SERVER)
    parser.receive_data(head)
    try:
        request = parser.next_event()
    except h11.RemoteProtocolError as error:
        return _refused(str(error))
    if not isinstance(request, h11.Request) or request.http_version != b"1.1":
        return _refused("A WebSocket is opened by a request of HTTP/1.1")
    values: dict[bytes, set[bytes]] = {}
    for name, value in request.headers:
        values.setdefault(name, set()).add(value)
    if {value.lower() for value in values.get(b"upgrade", ())} != {b"websocket"}:
        return _refused("Upgrade must be websocket, and nothing else beside it")
    if b"transfer-encoding" in values or values.get(b"content-length", {b"0"}) != {b"0"}:
        return _refused("A handshake has no body")
    if values.get(b"sec-websocket-version") != {b"13"}:
        refusal = _refused("Sec-WebSocket-Version must be 13", HTTPStatus.UPGRADE_REQUIRED)
        return refusal._replace(headers=(("Sec-WebSocket-Version", "13"),))
    keys = values.get(b"sec-websocket-key", set())
    if len(keys) != 1 or not _KEY.fullmatch(key := keys.pop()):
        return _refused("Sec-WebSocket-Key must be 16 bytes in base64")
    return _ACCEPTED % generate_accept_token(key)


def _refused(message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> GatewayRefusal:
    return GatewayRefusal(status, "bad_handshake", message)
