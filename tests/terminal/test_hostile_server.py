"""What a server may say that is no good one: the client tells so in a line, and survives."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

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
    """One that answers everything with this."""
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
async def test_an_answer_that_is_none(body: str) -> None:
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


@pytest.mark.parametrize(
    ("status", "body", "characters"),
    [
        ("200 OK", '{"message": "ok", "limits": {"message_chars": 7, "frame_bytes": 100}, "code_by": "mail"}', 7),
        ("404 Not Found", '{"message": "Not found", "code": "not_found"}', MESSAGE_CHARACTERS),
        ("200 OK", "<html>", MESSAGE_CHARACTERS),
    ],
)
async def test_how_long_a_message_may_be(status: str, body: str, characters: int) -> None:
    async with server(status, body) as client:
        assert await client.message_characters() == characters


@pytest.mark.parametrize("status", ["404 Not Found", "502 Bad Gateway", "200 OK"])
async def test_a_handshake_that_is_refused_is_tried_again(status: str) -> None:
    renewed = '{"message": "ok", "code": "none", "tokens": {"access_token": "new"}}'
    async with server(status, renewed) as client, trio.open_nursery() as nursery:
        changed = trio.Event()
        conversation = Conversation(client, "lounge", lambda: changed.set())
        nursery.start_soon(conversation.run)
        for _ in range(2):
            with trio.fail_after(10):
                await changed.wait()
            changed = trio.Event()
            assert conversation.trouble not in ("", "connecting")
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
def test_a_frame_that_is_none_is_passed_over(text: str) -> None:
    assert frames.decode(text) is None
