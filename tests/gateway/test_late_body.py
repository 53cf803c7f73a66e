"""Bodies that are sent long after their requests, over real sockets, with and without TLS: the connection goes on behind them."""

import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from reichatd.gateway.late_body import LateBody
from reichatd.gateway.stream import FrameStream
from tests.gateway.raw import RawClient, request, text
from tests.gateway.running_daemon import RunningDaemon, running_daemon, wait_until
from tests.gateway.test_tls import trusted


@pytest.fixture(scope="module", params=["plain", "tls"])
def daemon(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    directory = tmp_path_factory.mktemp("late_body")
    context, environ = trusted(directory) if request.param == "tls" else (None, {})
    with running_daemon(directory, context, **environ) as running:
        yield running
        running.check()


def get(daemon: RunningDaemon, path: str, *headers: str) -> bytes:
    return request("GET", path, f"Authorization: Bearer {daemon.ada.access_token}", *headers)


def post(daemon: RunningDaemon, room: str, content: str) -> None:
    assert daemon.call("POST", f"/room/{room}/messages", by=daemon.ada, content=content).status == 201


def chunks(client: RawClient, count: int) -> bytes:
    """The next chunks of a body, put together."""
    body = b""
    for _ in range(count):
        size = int(client.take_line(), 16)
        body += client.take(size)
        assert client.take_line() == ""
    return body


def head(client: RawClient) -> list[str]:
    """The lines of a response's head."""
    return list(iter(client.take_line, ""))


def test_requests_and_a_socket_behind_a_poll(daemon: RunningDaemon) -> None:
    room = daemon.room()
    poll = get(daemon, f"/room/{room}/messages?after_id=0&wait=20")
    with daemon.connect() as client:
        client.send(poll + get(daemon, f"/room/{room}"))  # the second one comes before the first is answered
        post(daemon, room, "news")
        assert "HTTP/1.1 200" in head(client)[0]
        assert b'"content":"news"' in chunks(client, 1)
        assert chunks(client, 1) == b""
        assert client.answer().json["room"]["room_id"] == room
        client.send(get(daemon, f"/room/{room}/messages?after_id=1&wait=0.1"))
        assert "transfer-encoding: chunked" in [line.lower() for line in head(client)]
        assert b'"messages":[]' in chunks(client, 1)
        assert chunks(client, 1) == b""
        client.upgrade(daemon.target(room))
        assert client.message()["type"] == "initial_state"
        client.send(text("fetch", from_id=1, to_id=1))
        assert client.message()["type"] == "fetch_response"


def test_a_client_that_goes(daemon: RunningDaemon) -> None:
    room = daemon.room()
    for path in ("messages?after_id=0&wait=60", "events"):
        with daemon.connect() as client:
            client.send(get(daemon, f"/room/{room}/{path}"))
            if path == "events":
                head(client)
                assert chunks(client, 1) == b":\n\n"
            port = client.socket.getsockname()[1]
            assert not is_free(daemon, port)
        wait_until(partial(is_free, daemon, port))


async def test_another_response_and_a_broken_connection() -> None:
    ours, theirs = socket.socketpair()
    stream = FrameStream(ours, stall_seconds=1)
    body = LateBody(stream, b"HTTP/1.1 200 \r\nserver: x\r\ntransfer-encoding: chunked\r\n\r\n", "192.0.2.1")
    with theirs:
        assert await body.serve(lambda each: each.refuse(429, {"Retry-After": "3"}, b"{}"))
        assert theirs.recv(999) == (
            b"HTTP/1.1 429 \r\nRetry-After: 3\r\nserver: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
        )

    async def send(body: LateBody) -> None:
        body.set_buffer(4096)

    await stream.aclose()
    assert not await body.serve(send)


def is_free(daemon: RunningDaemon, port: int) -> bool:
    """Whether the daemon has closed its end of the connection of this client."""
    ends = [line.split()[1:4] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    pair = (f":{daemon.process.port:04X}", f":{port:04X}")
    # Established, or closed by the client only.
    return not any((local[-5:], remote[-5:]) == pair and state in ("01", "08") for local, remote, state in ends)


def test_without_chunks_and_without_a_body(daemon: RunningDaemon) -> None:
    room = daemon.room()
    events = get(daemon, f"/room/{room}/events")
    with daemon.connect() as client:
        client.send(events.replace(b"HTTP/1.1", b"HTTP/1.0"))
        lines = [line.lower() for line in head(client)]
        assert "transfer-encoding: chunked" not in lines
        assert client.take(3) == b":\n\n"
        post(daemon, room, "news")
        assert client.take(9) == b"id: 1.0\nd"
        daemon.call("DELETE", f"/room/{room}", by=daemon.ada)
        assert client.rest().endswith(b"}}\n\n")  # the daemon ends the connection
    with daemon.connect() as client:
        room = daemon.room()
        client.send(get(daemon, f"/room/{room}/events").replace(b"GET", b"HEAD", 1))
        assert "content-type: text/event-stream" in [line.lower() for line in head(client)]
        assert client.ask("GET", "/").json == {"message": "ok"}
