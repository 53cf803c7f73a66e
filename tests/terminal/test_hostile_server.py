"""Invalid answers of a server: the client reports an error and goes on."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from reichatd.repeated_event import RepeatedEvent
from reichatd.terminal import frames
from reichatd.terminal.client import LoggedOut, Login, ServerClient, ServerRefused, Unreachable
from reichatd.terminal.conversation import Conversation
from reichatd.terminal.frames import MESSAGE_CHARACTERS

LOGIN = Login("ada@example.org", "1", "access", "refresh")


async def answer(response: bytes, stream: trio.SocketStream) -> None:
    await stream.receive_some(65536)
    await stream.send_all(response)
    await stream.aclose()


@asynccontextmanager
async def server(status: str, body: str) -> AsyncIterator[ServerClient]:
    """A client of a server that gives this answer to all requests."""
    response = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, partial(answer, response), [listener])
        port = listener.socket.getsockname()[1]
        async with ServerClient(f"http://127.0.0.1:{port}", LOGIN, lambda _: None) as client:
            yield client
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    "body", ["", "<html>", "[]", '{"rooms": 1}', '{"rooms": [{"room_id": 1}]}', '{"message": "ok"}', "[" * 60_000]
)
async def test_invalid_answers(body: str) -> None:
    calls: list[Callable[[ServerClient], Awaitable[object]]] = [
        lambda client: client.rooms("joined"),
        lambda client: client.log_in("ada@example.org", "password"),
        lambda client: client.renew(),
    ]
    for call in calls:
        async with server("200 OK", body) as client:
            with pytest.raises(Unreachable, match="no reichatd"):
                await call(client)


async def test_refusals() -> None:
    async with server("403 Forbidden", '{"message": "No", "code": "banned"}') as client:
        with pytest.raises(ServerRefused, match="No") as caught:
            await client.join("lounge")
        assert (caught.value.status, caught.value.code) == (403, "banned")
    async with server("401 Unauthorized", '{"message": "No", "code": "unauthorized"}') as client:
        with pytest.raises(LoggedOut):
            await client.rooms("public")
    async with server("502 Bad Gateway", "<html>") as client:
        with pytest.raises(Unreachable):
            await client.rooms("public")


async def test_an_old_daemon_without_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """It gives the whole list each time: the client does not go on for ever."""
    monkeypatch.setattr("reichatd.terminal.client._PAGE", 2)
    rooms = ", ".join(f'{{"room_id": "{room_id}", "name": "", "description": ""}}' for room_id in "ab")
    body = f'{{"message": "ok", "rooms": [{rooms}]}}'
    async with server("200 OK", body) as client:
        with trio.fail_after(10):
            assert [room.room_id for room in await client.rooms("public")] == ["a", "b"]


@pytest.mark.parametrize(
    ("status", "body", "characters"),
    [
        ("200 OK", '{"message": "ok", "limits": {"message_chars": 7, "frame_bytes": 100}, "code_by": "mail"}', 7),
        ("404 Not Found", '{"message": "Not found", "code": "not_found"}', MESSAGE_CHARACTERS),
        ("200 OK", "<html>", MESSAGE_CHARACTERS),
    ],
)
async def test_the_maximum_length_of_a_message(status: str, body: str, characters: int) -> None:
    async with server(status, body) as client:
        assert await client.message_characters() == characters


@pytest.mark.parametrize("status", ["404 Not Found", "502 Bad Gateway", "200 OK"])
async def test_a_refused_handshake_is_tried_again(status: str) -> None:
    renewed = '{"message": "ok", "code": "none", "tokens": {"access_token": "new"}}'
    async with server(status, renewed) as client, trio.open_nursery() as nursery:
        changed = RepeatedEvent()
        conversation = Conversation(client, "lounge", changed.set)
        nursery.start_soon(conversation.run)
        for _ in range(2):
            with trio.fail_after(10):
                await changed.wait()
            changed.clear()
            assert conversation.offline_reason not in ("", "connecting")
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "1",
        '{"type": "not_yet_known"}',
        '{"type": "ack"}',
        "[" * 60_000,
        '{"type": "ack", "nonce": "\\ud800"}',
    ],
)
def test_an_invalid_frame_is_ignored(text: str) -> None:
    assert frames.decode(text) is None
