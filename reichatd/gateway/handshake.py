"""A WebSocket's handshake, looked through before the library sees it (RFC 6455, 4.2.1). Pure.

The library trusts what it is sent: bytes beyond ASCII end it, and a handshake that it refuses leaves its caller waiting. So it
is shown a head of our own making, with nothing of the peer's in it but the key.
"""

import re
from http import HTTPStatus

import h11

from reichatd.gateway.parting import Refusal

_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")  # 16 bytes in base64
_PLAIN = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n"
)


def plain_handshake(head: bytes) -> bytes | Refusal:
    """The handshake that stands for this one, or what is wrong with this one.

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
    return _PLAIN % key


def _refused(message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> Refusal:
    return Refusal(status, "bad_handshake", message)
