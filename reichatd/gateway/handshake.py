"""The opening handshake of a WebSocket (RFC 6455, 4.2). Pure.

trio-websocket does not do it: bytes beyond ASCII crash its handshake, and after a refused handshake its caller waits forever.
"""

import re
from http import HTTPStatus

import h11
from wsproto.utilities import generate_accept_token

from reichatd.gateway.head import RequestHead
from reichatd.gateway.lingering_close import GatewayRefusal

_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")  # 16 bytes in base64
_ACCEPTED = b"HTTP/1.1 101 \r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n\r\n"


def answer_handshake(head: RequestHead) -> bytes | GatewayRefusal:
    """The response that opens the WebSocket, or the refusal that says what is wrong with the request.

    Arguments:
        head: of a request that asks for an upgrade to a WebSocket.
    """
    if head.version != "HTTP/1.1":
        return _refused("A WebSocket is opened by a request of HTTP/1.1")
    try:
        request = _checked(head)
    except h11.LocalProtocolError as error:
        return _refused(str(error))
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


def _checked(head: RequestHead) -> h11.Request:
    """The same head as an event of h11, which checks its parts: their characters, the Host header, the length of a body.

    Raises:
        h11.LocalProtocolError
    """
    method, target = head.method.encode("latin-1"), head.target.encode("latin-1")
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in head.headers]
    return h11.Request(method=method, target=target, headers=headers, http_version=b"1.1")


def _refused(message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> GatewayRefusal:
    return GatewayRefusal(status, "bad_handshake", message)
