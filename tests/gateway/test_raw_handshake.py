"""How a WebSocket begins, rightly and wrongly, with a real daemon."""

import pytest

from tests.gateway.house import House, wait_until
from tests.gateway.raw import CLOSE, PING, PONG, TEXT, Wire, closing, frame, request, text, upgrade

LOGIN = request("POST", "/login", body=b"{}")
CHUNKED_LOGIN = request("POST", "/login", "Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n\r\n")


def is_open(wire: Wire) -> bool:
    """Whether the conversation begins and goes on."""
    assert wire.frame().json["type"] == "initial_state"
    wire.send(frame(PING, b"?"))
    return wire.frame() == (PONG, b"?")


# --- what is allowed


@pytest.mark.parametrize("path", ["/ws/chat", "/room"])
def test_the_token_may_come_in_a_header(unharmed: House, path: str) -> None:
    with unharmed.wire() as wire:
        wire.upgrade(f"{path}/{unharmed.room()}", f"Authorization: bearer {unharmed.ada.access_token}")
        assert is_open(wire)


@pytest.mark.parametrize("path", ["/ws/chat", "/room"])
def test_the_token_may_come_in_the_query(unharmed: House, path: str) -> None:
    with unharmed.wire() as wire:
        wire.upgrade(f"{path}/{unharmed.room()}?x=y&token={unharmed.ada.access_token}")
        assert is_open(wire)


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
@pytest.mark.parametrize(
    "before",
    [[request("GET", "/")] * 2, [LOGIN], [CHUNKED_LOGIN], [request("GET", "/"), LOGIN, CHUNKED_LOGIN]],
    ids=["gets", "body", "chunks", "all"],
)
def test_an_upgrade_may_follow_other_requests(unharmed: House, before: list[bytes], at_once: bool) -> None:
    handshake = upgrade(unharmed.target(unharmed.room()))
    with unharmed.wire() as wire:
        if at_once:
            wire.send(b"".join(before) + handshake)
            statuses = [wire.answer().status for _ in before]
        else:
            statuses = []
            for each in before:
                wire.send(each)
                statuses.append(wire.answer().status)
            wire.send(handshake)
        assert set(statuses) <= {200, 422}
        assert is_open(wire.upgraded())


def test_an_upgrade_in_single_bytes(unharmed: House) -> None:
    with unharmed.wire() as wire:
        for byte in upgrade(unharmed.target(unharmed.room())) + frame(PING, b"!"):
            wire.send(bytes([byte]))
        wire.upgraded()
        assert sorted(wire.frame().opcode for _ in range(2)) == [TEXT, PONG]


@pytest.mark.parametrize("before", [b"", request("GET", "/"), LOGIN], ids=["first", "later", "behind a body"])
def test_what_a_hasty_client_sends_with_its_handshake_is_not_lost(unharmed: House, before: bytes) -> None:
    hasty = text("listen_latest") + text("message", content="x" * 5000, nonce="n")
    with unharmed.wire() as wire:
        wire.send(before + upgrade(unharmed.target(unharmed.room())) + hasty + hasty[:3000])
        if before:
            assert wire.answer().status in (200, 422)
        assert wire.upgraded().next("ack")["message_id"] == 1
        wire.send(hasty[3000:])
        assert wire.next("ack")["message_id"] == 1


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
def test_headers_that_do_not_matter(unharmed: House, header: str) -> None:
    handshake = upgrade(unharmed.target(unharmed.room()), header)
    if header.startswith("Host"):
        handshake = handshake.replace(b"Host: localhost\r\n", b"")
    with unharmed.wire() as wire:
        wire.send(handshake)
        assert is_open(wire.upgraded())


# --- what is not


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
def test_who_may_not_enter_is_told_by_a_close_frame(unharmed: House, target: str, code: int, reason: bytes) -> None:
    left = unharmed.room()
    assert unharmed.call("POST", f"/room/{left}/leave", by=unharmed.bob).status == 200
    ada, bob = unharmed.ada, unharmed.bob
    target = target.format(
        room=unharmed.room(), private=left, token=ada.access_token, refresh=ada.refresh_token, bob=bob.access_token
    )
    with unharmed.wire() as wire:
        assert wire.upgrade(target).frame() == (CLOSE, code.to_bytes(2, "big") + reason)
        wire.send(closing(code))
        assert wire.rest() == b""


@pytest.mark.parametrize("target", ["/", "/ws/chat", "/ws/chat/", "/ws/chat/a/b", "/room/a/join", "/nowhere", "*"])
def test_there_is_no_socket_elsewhere(unharmed: House, target: str) -> None:
    with unharmed.wire() as wire:
        wire.send(upgrade(target))
        answer = wire.answer()
        assert (answer.status, answer.json["code"]) == (404, "not_found")
        assert wire.rest() == b""


@pytest.mark.parametrize("origin", ["https://evil.example.org", "null", "https://friend.example.org.evil", "", "x"])
def test_pages_of_other_sites_may_not_open_sockets(unharmed: House, origin: str) -> None:
    with unharmed.wire() as wire:
        wire.send(upgrade(unharmed.target(unharmed.room()), f"Origin: {origin}"))
        assert wire.answer().status == 403
        assert wire.rest() == b""


def coming_from(origin: str, host: str, target: str) -> bytes:
    """A page's handshake."""
    return upgrade(target, f"Origin: {origin}").replace(b"Host: localhost", f"Host: {host}".encode())


@pytest.mark.parametrize("host", ["chat.example.org", "chat.example.org:443"])
@pytest.mark.parametrize("scheme", ["https", "wss"])
def test_a_page_of_our_own_is_known_with_and_without_the_port(unharmed: House, scheme: str, host: str) -> None:
    with unharmed.wire() as wire:
        wire.send(coming_from(f"{scheme}://chat.example.org", host, unharmed.target(unharmed.room())))
        assert is_open(wire.upgraded())


def test_a_refused_page_is_logged_with_where_it_went(unharmed: House) -> None:
    seen = len(unharmed.process.output)
    with unharmed.wire() as wire:
        wire.send(coming_from("https://chat.example.org:99999", "b\xfcro.example.org", "/ws/chat/room"))
        assert wire.answer().status == 403
    wait_until(lambda: "origin refused" in unharmed.process.output[seen:])
    (line,) = [line for line in unharmed.process.output[seen:].splitlines() if "origin refused" in line]
    assert "https://chat.example.org:99999" in line
    assert "b\\\\xc3\\\\xbcro.example.org" in line


RIGHT = upgrade("/ws/chat/room")
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
BAD_HANDSHAKES = {
    "no key": RIGHT.replace(b"Sec-WebSocket-Key", b"X-Key"),
    "short key": RIGHT.replace(KEY, b"eA=="),
    "no base64": RIGHT.replace(KEY, b"?" * 24),
    "two keys": upgrade("/ws/chat/room", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="),
    "no version": RIGHT.replace(b"Sec-WebSocket-Version", b"X-Version"),
    "old version": RIGHT.replace(b"Version: 13", b"Version: 8"),
    "no host": RIGHT.replace(b"Host: localhost\r\n", b""),
    "two hosts": upgrade("/ws/chat/room", "Host: localhost"),
    "HTTP/1.0": RIGHT.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a body": upgrade("/ws/chat/room", "Content-Length: 1") + b"x",
    "chunks": upgrade("/ws/chat/room", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "bad header": upgrade("/ws/chat/room", "Name with spaces: x"),
    "a POST": upgrade("/ws/chat/room", method="POST"),
    "a POST elsewhere": upgrade("/", method="POST"),
    "no Connection": RIGHT.replace(b"Connection: Upgrade", b"Connection: keep-alive"),
    "another first": RIGHT.replace(b"Upgrade: websocket", b"Upgrade: h2c\r\nUpgrade: websocket"),
    "another last": RIGHT.replace(b"Upgrade: websocket", b"Upgrade: websocket\r\nUpgrade: h2c"),
    "two in one": RIGHT.replace(b"Upgrade: websocket", b"Upgrade: h2c, websocket"),
}
MORE = {"alone": b"", "a byte": b"x", "a request": request("GET", "/"), "much": bytes(1_000_000)}


@pytest.mark.parametrize("more", MORE.values(), ids=MORE)
@pytest.mark.parametrize("before", [b"", request("GET", "/"), LOGIN], ids=["first", "later", "behind a body"])
def test_bad_handshakes_are_refused_in_words_that_arrive(unharmed: House, before: bytes, more: bytes) -> None:
    for name, bad in BAD_HANDSHAKES.items():
        with unharmed.wire() as wire:
            wire.send(before + bad + more)
            if before:
                assert wire.answer().status in (200, 422)
            answer = wire.answer()
            assert answer.status in (400, 426), name
            assert (answer.status == 426) == ("version" in name)
            assert set(answer.json) == {"message", "code"}
            assert wire.rest() == b""


@pytest.mark.parametrize("before", [b"", request("GET", "/"), LOGIN], ids=["first", "later", "behind a body"])
def test_one_byte_behind_a_handshake_ends_nobody_elses_day(unharmed: House, before: bytes) -> None:
    target = unharmed.target(unharmed.room())
    for handshake in (upgrade(target), upgrade(target, "Upgrade: websocket"), upgrade("/nowhere"), upgrade("/")):
        with unharmed.wire() as wire:
            wire.send(before + handshake + b"\x81")
            if before:
                assert wire.answer().status in (200, 422)
            assert wire.answer().status in (101, 404)


@pytest.mark.parametrize(
    "handshake", [upgrade("/ws/chat/room"), *BAD_HANDSHAKES.values()], ids=["right", *BAD_HANDSHAKES]
)
def test_a_client_may_vanish_in_its_handshake(unharmed: House, handshake: bytes) -> None:
    for cut in (1, 60, len(handshake) - 1, len(handshake)):
        with unharmed.wire() as wire:
            wire.send(handshake[:cut])
            wire.reset()


def test_a_handshake_in_a_body_opens_nothing(unharmed: House) -> None:
    handshake = upgrade(unharmed.target(unharmed.room()))
    with unharmed.wire() as wire:
        wire.send(request("POST", "/login", body=handshake) + request("GET", "/"))
        assert [wire.answer().status for _ in range(2)] == [422, 200]
