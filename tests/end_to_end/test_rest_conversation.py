"""The conversation by REST, with a real daemon, and with curl where it is installed: posting, long polls, event streams."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import trio

from tests.client import (
    SECONDS,
    SMALL_BUFFER_BYTES,
    Person,
    bearer,
    id_range,
    open_room,
    registered_user,
    registered_users,
)
from tests.end_to_end.conftest import FREE, NARROW, QUICK
from tests.process import DaemonProcess, running

CURL = shutil.which("curl")


class Stream:
    """An open event stream. Of the chunks, which have whole events, it sees only the lines that it knows."""

    def __init__(self, connection: trio.SocketStream) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.last_event_id = ""
        self.retry: int | None = None
        self._connection = connection
        self._received = b""

    async def begin(self) -> None:
        """Reads the head of the response."""
        _, status, _ = (await self._line() or "").split(" ", 2)
        self.status = int(status)
        while line := await self._line():
            name, _, value = line.partition(": ")
            self.headers[name.lower()] = value

    async def event(self) -> dict[str, Any] | None:
        """The data of the next event; None at the end of the stream."""
        while (line := await self._line()) is not None:
            name, _, value = line.partition(": ")
            match name:
                case "id":
                    self.last_event_id = value
                case "retry":
                    self.retry = int(value)
                case "data":
                    data: dict[str, Any] = json.loads(value)
                    return data
                case "0":
                    return None  # the last chunk
        return None

    async def events(self, count: int) -> list[dict[str, Any]]:
        found = [await self.event() for _ in range(count)]
        assert None not in found
        return [event for event in found if event is not None]

    async def _line(self) -> str | None:
        with trio.fail_after(SECONDS):
            while b"\n" not in self._received:
                data = await self._connection.receive_some()
                if not data:
                    return None
                self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return line.decode().rstrip("\r")


@asynccontextmanager
async def stream(
    person: Person, room_id: str, query: str = "", last_event_id: str | None = None
) -> AsyncIterator[Stream]:
    url = urlsplit(person.url)
    headers = {"Host": url.netloc, **bearer(person.access_token)}
    if last_event_id is not None:
        headers["Last-Event-ID"] = last_event_id
    lines = [f"GET /room/{room_id}/events?{query} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    async with await trio.open_tcp_stream(str(url.hostname), url.port or 80) as connection:
        await connection.send_all("\r\n".join([*lines, "", ""]).encode())
        opened = Stream(connection)
        await opened.begin()
        yield opened


async def poll(person: Person, room_id: str, query: str) -> httpx.Response:
    return await person.http.get(f"/room/{room_id}/messages?{query}", headers=bearer(person.access_token))


async def post(person: Person, room_id: str, content: str) -> int:
    answer = await person.call("POST", f"/room/{room_id}/messages", 201, content=content)
    message_id: int = answer["message_id"]
    return message_id


def ids(answer: httpx.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [message["message_id"] for message in answer.json()["messages"]]


@pytest.mark.skipif(CURL is None, reason="needs curl")
async def test_curl_posts_and_follows(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        url, token = f"{daemon.url}/room/{room_id}", f"Authorization: Bearer {ada.access_token}"
        follow = [str(CURL), "-sN", "-H", token, f"{url}/events?after_id=0"]
        async with trio.open_nursery() as nursery:
            process: trio.Process = await nursery.start(lambda task_status: _run(follow, task_status))
            for _ in range(2):  # sent again, it is stored once
                done = await trio.run_process(
                    [
                        str(CURL),
                        "-s",
                        "-H",
                        token,
                        "-H",
                        "Idempotency-Key: n1",
                        "-d",
                        '{"content": "Hello"}',
                        f"{url}/messages",
                    ],
                    capture_stdout=True,
                )
                assert json.loads(done.stdout) == {"message": "ok", "message_id": 1}
            received = b""
            assert process.stdout is not None
            with trio.fail_after(SECONDS):
                while not received.endswith(b"\n\n") or b"data: " not in received:
                    received += await process.stdout.receive_some()
            nursery.cancel_scope.cancel()
        lines = [line for line in received.decode().splitlines() if line not in ("", ":")]
        assert lines[0] == "id: 1.0"
        assert json.loads(lines[1].removeprefix("data: "))["message"]["content"] == "Hello"
        assert len(lines) == 2


async def _run(command: list[str], task_status: trio.TaskStatus[trio.Process]) -> None:
    await trio.run_process(command, stdout=subprocess.PIPE, task_status=task_status, check=False)


async def test_a_stream_goes_on_where_it_ended(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        messages = f"/room/{room_id}/messages"
        await post(ada, room_id, "one")
        async with stream(bob, room_id) as live, stream(bob, room_id, "after_id=0") as old:
            assert (old.headers["content-type"], old.headers["x-accel-buffering"]) == ("text/event-stream", "no")
            assert (await old.events(1))[0]["message"]["content"] == "one"
            await post(ada, room_id, "two")
            first = await live.events(1)
            assert first == await old.events(1)  # what came before is not in the first one
            assert (first[0]["type"], first[0]["message"]["message_id"]) == ("latest_message", 2)
            await bob.call("PUT", f"{messages}/1/reactions/👍")
            await ada.call("PATCH", f"{messages}/1", content="uno")
            reaction, edit = await live.events(2)
            assert [reaction, edit] == await old.events(2)
            assert (reaction["type"], reaction["message_id"], edit["type"]) == (
                "reactions_changed",
                1,
                "message_changed",
            )
            assert (edit["message"]["content"], edit["message"]["reactions"]) == ("uno", reaction["reactions"])
            assert live.last_event_id == old.last_event_id == "2.2"
        await ada.call("DELETE", f"{messages}/2")
        await post(ada, room_id, "three")
        async with stream(bob, room_id, "after_id=0", live.last_event_id) as again:
            third, deletion = await again.events(2)
            assert (third["message"]["content"], deletion["message"]["deleted"]) == ("three", "author")
            assert again.last_event_id == "3.3"
        for last, status in (("3", 422), ("x.1", 422), ("1.-2", 422)):
            async with stream(bob, room_id, last_event_id=last) as refused:
                assert refused.status == status
        log = (await poll(bob, room_id, "")).json()["log"]
        async with stream(bob, room_id, f"log={log}") as known, stream(bob, room_id, "log=other") as other:
            assert (known.status, other.status) == (200, 409)


async def test_a_poll_waits_for_news(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        await post(ada, room_id, "one")
        assert ids(await poll(bob, room_id, "after_id=0&wait=20")) == [1]  # at once
        began = time.monotonic()
        answer = await poll(bob, room_id, "after_id=1&after_change=0&wait=0.3&mine=true")
        assert time.monotonic() - began >= 0.3
        empty = answer.json()
        assert (empty["messages"], empty["changed"], empty["mine"], empty["last_id"]) == ([], [], {}, 1)
        answers: list[httpx.Response] = []

        async def wait(query: str) -> None:
            answers.append(await poll(bob, room_id, query))

        async def news(*queries: str, path: str, method: str, **body: Any) -> list[dict[str, Any]]:  # noqa: ANN401
            """What polls answer after a call."""
            answers.clear()
            async with trio.open_nursery() as nursery:
                for query in queries:
                    nursery.start_soon(wait, query)
                await trio.sleep(0.2)  # most likely they wait by then; it is right in any case
                await ada.http.request(
                    method, f"/room/{room_id}/messages{path}", json=body or None, headers=bearer(ada.access_token)
                )
            return [answer.json() for answer in answers]

        with trio.fail_after(SECONDS):
            first, second = await news(
                *["after_id=1&after_change=0&wait=20"] * 2, path="", method="POST", content="two"
            )
            assert first == second
            assert [message["content"] for message in first["messages"]] == ["two"]
            (changed,) = await news("after_id=2&after_change=0&wait=20&mine=true", path="/1/reactions/👍", method="PUT")
            assert [message["message_id"] for message in changed["changed"]] == [1]
            assert (changed["messages"], changed["change_id"], changed["mine"]) == ([], 1, {})
            (plain,) = await news("after_id=2&wait=0.5", path="/1", method="PATCH", content="uno")
            assert "changed" not in plain  # it did not ask for changes
            assert (plain["messages"], plain["change_id"]) == ([], 2)


async def test_everything_ends_when_one_may_not_stay(daemon: DaemonProcess) -> None:
    """A stream ends, a poll is answered; the next call says why."""
    async with registered_users(daemon, 2) as (ada, bob):
        for end, status in (("kick", 403), ("delete", 404), ("logout", 401)):
            room_id = await open_room(ada, bob)
            answers: list[httpx.Response] = []

            async def wait(room_id: str = room_id, answers: list[httpx.Response] = answers) -> None:
                answers.append(await poll(bob, room_id, "after_id=0&wait=30"))

            began = time.monotonic()
            async with stream(bob, room_id) as live, trio.open_nursery() as nursery:
                nursery.start_soon(wait)
                await post(ada, (await open_room(ada)), "elsewhere")
                await trio.sleep(0.2)  # as above
                match end:
                    case "kick":
                        await ada.call("POST", f"/room/{room_id}/kick/{bob.user_id}")
                    case "delete":
                        await ada.call("DELETE", f"/room/{room_id}")
                    case "logout":
                        await bob.call("POST", "/logout")
                assert await live.event() is None
            assert time.monotonic() - began < 15
            assert all(answer.status_code in (200, status) for answer in answers)
            assert (await poll(bob, room_id, "after_id=0&wait=30")).status_code == status
            async with stream(bob, room_id) as refused:
                assert refused.status == status


async def test_a_slow_reader_misses_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, **QUICK, **FREE, **NARROW) as daemon, await registered_user(daemon, "ada") as ada:
        room_id = await open_room(ada)
        for version in ("1.1", "1.0"):  # in chunks, and without
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
            sock.connect(("127.0.0.1", daemon.port))
            with sock, socket.socket():
                head = f"GET /room/{room_id}/events HTTP/{version}\r\nHost: x\r\nAuthorization: Bearer {ada.access_token}\r\n\r\n"
                sock.sendall(head.encode())
                sock.settimeout(SECONDS)
                received = b""
                while b":\n\n" not in received:
                    received += sock.recv(65_536)
                first = await post(ada, room_id, "x" * 4000)
                last = first
                for _ in range(60):
                    last = await post(ada, room_id, "x" * 4000)
                while f"id: {last}.0\n".encode() not in received:
                    received += await trio.to_thread.run_sync(sock.recv, 65_536)
            assert (b"transfer-encoding: chunked" in received.lower()) == (version == "1.1")
            seen = [int(line[4:].split(b".")[0]) for line in received.split(b"\n") if line.startswith(b"id: ")]
            assert seen == id_range(first, last)


async def test_limits_and_a_stop(tmp_path: Path) -> None:
    settings = QUICK | {"REICHATD_LIMITS_SOCKETS_PER_USER": "2", "REICHATD_LIMITS_COMMENT_SECONDS": "0.1"}
    async with running(tmp_path, **settings) as daemon, await registered_user(daemon, "ada") as ada:
        room_id = await open_room(ada)
        async with stream(ada, room_id) as live, trio.open_nursery() as nursery:
            answers: list[httpx.Response] = []

            async def wait() -> None:
                while not answers or answers[-1].status_code == 429:  # if the other poll was first
                    answers.append(await poll(ada, room_id, "after_id=0&wait=30"))

            nursery.start_soon(wait)
            with trio.fail_after(SECONDS):
                while (refused := await poll(ada, room_id, "after_id=0&wait=0.01")).status_code != 429:
                    pass  # until the other one waits
            assert (refused.json()["code"], int(refused.headers["Retry-After"]) > 0) == ("rate_limited", True)
            async with stream(ada, room_id) as one_more:
                assert one_more.status == 429
            assert await daemon.stop() == 0
            assert await live.event() is None
        assert live.retry is not None
        assert (answers[-1].status_code, answers[-1].json()["messages"]) == (200, [])
