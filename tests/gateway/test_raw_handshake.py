"""Good and bad opening handshakes, sent to a real daemon."""

import pytest

from tests.gateway.raw import CLOSE, PING, PONG, TEXT, RawClient, closing, frame, request, text, upgrade
from tests.gateway.running_daemon import RunningDaemon, wait_until

LOGIN = request("POST", "/login", body=b"{}")
CHUNKED_LOGIN = request("POST", "/login", "Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n\r\n")


def is_open(client: RawClient) -> bool:
    """Whether the conversation has begun and the socket answers."""
    assert client.frame().json["type"] == "initial_state"
    client.send(frame(PING, b"?"))
    return client.frame() == (PONG, b"?")


# --- accepted


@pytest.mark.parametrize("path", ["/ws/chat", "/room"])
def test_the_token_may_come_in_a_header(daemon: RunningDaemon, path: str) -> None:
    with daemon.connect() as client:
        client.upgrade(f"{path}/{daemon.room()}", f"Authorization: bearer {daemon.ada.access_token}")
        assert is_open(client)


@pytest.mark.parametrize("path", ["/ws/chat", "/room"])
def test_the_token_may_come_in_the_query(daemon: RunningDaemon, path: str) -> None:
    with daemon.connect() as client:
        client.upgrade(f"{path}/{daemon.room()}?x=y&token={daemon.ada.access_token}")
        assert is_open(client)


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
@pytest.mark.parametrize(
    "before",
    [[request("GET", "/")] * 2, [LOGIN], [CHUNKED_LOGIN], [request("GET", "/"), LOGIN, CHUNKED_LOGIN]],
    ids=["gets", "body", "chunks", "all"],
)
def test_an_upgrade_may_follow_other_requests(daemon: RunningDaemon, before: list[bytes], at_once: bool) -> None:
    handshake = upgrade(daemon.target(daemon.room()))
    with daemon.connect() as client:
        if at_once:
            client.send(b"".join(before) + handshake)
            statuses = [client.answer().status for _ in before]
        else:
            statuses = []
            for each in before:
                client.send(each)
                statuses.append(client.answer().status)
            client.send(handshake)
        assert set(statuses) <= {200, 422}
        assert is_open(client.upgraded())


def test_an_upgrade_in_single_bytes(daemon: RunningDaemon) -> None:
    with daemon.connect() as client:
        for byte in upgrade(daemon.target(daemon.room())) + frame(PING, b"!"):
            client.send(bytes([byte]))
        client.upgraded()
        assert sorted(client.frame().opcode for _ in range(2)) == [TEXT, PONG]


@pytest.mark.parametrize("before", [b"", request("GET", "/"), LOGIN], ids=["first", "later", "behind a body"])
def test_frames_sent_together_with_the_handshake_are_not_lost(daemon: RunningDaemon, before: bytes) -> None:
    early = text("listen_latest") + text("message", content="x" * 5000, nonce="n")
    with daemon.connect() as client:
        client.send(before + upgrade(daemon.target(daemon.room())) + early + early[:3000])
        if before:
            assert client.answer().status in (200, 422)
        assert client.upgraded().next("ack")["message_id"] == 1
        client.send(early[3000:])
        assert client.next("ack")["message_id"] == 1


@pytest.mark.parametrize(
    "header",
    [
        "Host: \xff",
        "Sec-WebSocket-Protocol: chat, \xff",
        "Sec-WebSocket-Extensions: permessage-deflate; \xff",
        "Connection: \xff",
        "Cookie: \x85Upgrade: h2c",
        "Origin: https://friend.example.org",
        "Origin: http://LOCALHOST",
    ],
)
def test_other_headers_are_ignored(daemon: RunningDaemon, header: str) -> None:
    handshake = upgrade(daemon.target(daemon.room()), header)
    if header.startswith("Host"):
        handshake = handshake.replace(b"Host: localhost\r\n", b"")
    with daemon.connect() as client:
        client.send(handshake)
        assert is_open(client.upgraded())


# --- refused


@pytest.mark.parametrize(
    ("target", "code", "reason"),
    [
        ("/ws/chat/{room}", 4001, b"Unauthorized"),
        ("/ws/chat/{room}?token=", 4001, b"Unauthorized"),
        ("/ws/chat/{room}?token=%ff%00", 4001, b"Invalid token"),
        ("/room/{room}?token={refresh}", 4001, b"Invalid token"),
        ("/ws/chat/nowhere?token={token}", 1008, b"Room not found"),
        ("/ws/chat/%00%ff%0a?token={token}", 1008, b"Room not found"),
        ("/ws/chat/{private}?token={bob}", 1008, b"Forbidden"),
    ],
)
def test_without_access_the_socket_is_closed_with_a_code(
    daemon: RunningDaemon, target: str, code: int, reason: bytes
) -> None:
    left = daemon.room()
    assert daemon.call("POST", f"/room/{left}/leave", by=daemon.bob).status == 200
    ada, bob = daemon.ada, daemon.bob
    target = target.format(
        room=daemon.room(), private=left, token=ada.access_token, refresh=ada.refresh_token, bob=bob.access_token
    )
    with daemon.connect() as client:
        assert client.upgrade(target).frame() == (CLOSE, code.to_bytes(2, "big") + reason)
        client.send(closing(code))
        assert client.rest() == b""


@pytest.mark.parametrize("target", ["/", "/ws/chat", "/ws/chat/", "/ws/chat/a/b", "/room/a/join", "/nowhere", "*"])
def test_other_paths_have_no_socket(daemon: RunningDaemon, target: str) -> None:
    with daemon.connect() as client:
        client.send(upgrade(target))
        answer = client.answer()
        assert (answer.status, answer.json["code"]) == (404, "not_found")
        assert client.rest() == b""


@pytest.mark.parametrize("origin", ["https://evil.example.org", "null", "https://friend.example.org.evil", "", "x"])
def test_pages_of_other_sites_may_not_open_sockets(daemon: RunningDaemon, origin: str) -> None:
    with daemon.connect() as client:
        client.send(upgrade(daemon.target(daemon.room()), f"Origin: {origin}"))
        assert client.answer().status == 403
        assert client.rest() == b""


def page_handshake(origin: str, host: str, target: str) -> bytes:
    """The handshake of a page."""
    return upgrade(target, f"Origin: {origin}").replace(b"Host: localhost", f"Host: {host}".encode())


@pytest.mark.parametrize("host", ["chat.example.org", "chat.example.org:443"])
@pytest.mark.parametrize("scheme", ["https", "wss"])
def test_our_own_page_is_accepted_with_and_without_a_port(daemon: RunningDaemon, scheme: str, host: str) -> None:
    with daemon.connect() as client:
        client.send(page_handshake(f"{scheme}://chat.example.org", host, daemon.target(daemon.room())))
        assert is_open(client.upgraded())


def test_a_refused_page_is_logged_with_its_origin_and_host(daemon: RunningDaemon) -> None:
    seen = len(daemon.process.output)
    with daemon.connect() as client:
        client.send(page_handshake("https://chat.example.org:99999", "b\xfcro.example.org", "/ws/chat/room"))
        assert client.answer().status == 403
    wait_until(lambda: "origin refused" in daemon.process.output[seen:])
    (line,) = [line for line in daemon.process.output[seen:].splitlines() if "origin refused" in line]
    assert "https://chat.example.org:99999" in line
    assert "b\\\\xc3\\\\xbcro.example.org" in line


GOOD = upgrade("/ws/chat/room")
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
BAD_HANDSHAKES = {
    "no key": GOOD.replace(b"Sec-WebSocket-Key", b"X-Key"),
    "short key": GOOD.replace(KEY, b"eA=="),
    "not base64": GOOD.replace(KEY, b"?" * 24),
    "two keys": upgrade("/ws/chat/room", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="),
    "no version": GOOD.replace(b"Sec-WebSocket-Version", b"X-Version"),
    "old version": GOOD.replace(b"Version: 13", b"Version: 8"),
    "no host": GOOD.replace(b"Host: localhost\r\n", b""),
    "two hosts": upgrade("/ws/chat/room", "Host: localhost"),
    "HTTP/1.0": GOOD.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a body": upgrade("/ws/chat/room", "Content-Length: 1") + b"x",
    "chunks": upgrade("/ws/chat/room", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "bad header": upgrade("/ws/chat/room", "Name with spaces: x"),
    "a POST": upgrade("/ws/chat/room", method="POST"),
    "a POST elsewhere": upgrade("/", method="POST"),
    "no Connection": GOOD.replace(b"Connection: Upgrade", b"Connection: keep-alive"),
    "another protocol first": GOOD.replace(b"Upgrade: websocket", b"Upgrade: h2c\r\nUpgrade: websocket"),
    "another protocol last": GOOD.replace(b"Upgrade: websocket", b"Upgrade: websocket\r\nUpgrade: h2c"),
    "two protocols in one header": GOOD.replace(b"Upgrade: websocket", b"Upgrade: h2c, websocket"),
}
MORE = {"alone": b"", "a byte": b"x", "a request": request("GET", "/"), "much": bytes(1_000_000)}


@pytest.mark.parametrize("more", MORE.values(), ids=MORE)
@pytest.mark.parametrize("before", [b"", request("GET", "/"), LOGIN], ids=["first", "later", "behind a body"])
def test_bad_handshakes_are_refused_and_the_response_arrives(daemon: RunningDaemon, before: bytes, more: bytes) -> None:
    for name, bad in BAD_HANDSHAKES.items():
        with daemon.connect() as client:
            client.send(before + bad + more)
            if before:
                assert client.answer().status in (200, 422)
            answer = client.answer()
            assert answer.status in (400, 426), name
            assert (answer.status == 426) == ("version" in name)
            assert set(answer.json) == {"message", "code"}
            assert client.rest() == b""


@pytest.mark.parametrize("before", [b"", request("GET", "/"), LOGIN], ids=["first", "later", "behind a body"])
def test_one_byte_behind_a_handshake_does_no_harm(daemon: RunningDaemon, before: bytes) -> None:
    target = daemon.target(daemon.room())
    for handshake in (upgrade(target), upgrade(target, "Upgrade: websocket"), upgrade("/nowhere"), upgrade("/")):
        with daemon.connect() as client:
            client.send(before + handshake + b"\x81")
            if before:
                assert client.answer().status in (200, 422)
            assert client.answer().status in (101, 404)


@pytest.mark.parametrize(
    "handshake", [upgrade("/ws/chat/room"), *BAD_HANDSHAKES.values()], ids=["good", *BAD_HANDSHAKES]
)
def test_a_client_may_vanish_during_its_handshake(daemon: RunningDaemon, handshake: bytes) -> None:
    for cut in (1, 60, len(handshake) - 1, len(handshake)):
        with daemon.connect() as client:
            client.send(handshake[:cut])
            client.reset()


def test_a_handshake_in_a_body_is_ignored(daemon: RunningDaemon) -> None:
    handshake = upgrade(daemon.target(daemon.room()))
    with daemon.connect() as client:
        client.send(request("POST", "/login", body=handshake) + request("GET", "/"))
        assert [client.answer().status for _ in range(2)] == [422, 200]
