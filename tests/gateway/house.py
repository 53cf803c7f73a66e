"""A daemon in a process of its own, with two people and their rooms, for tests that try to break it."""

import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import trio

from tests.gateway.raw import SECONDS, Answer, Wire, request, text
from tests.process import DaemonProcess

SHORT = {
    "REICHATD_LIMITS_HANDSHAKE_SECONDS": "1",
    "REICHATD_LIMITS_REQUEST_SECONDS": "1",
    "REICHATD_LIMITS_KEEP_ALIVE_SECONDS": "1",
    "REICHATD_LIMITS_CLOSE_SECONDS": "1",
    "REICHATD_LIMITS_MESSAGES_PER_SECOND": "0",
    "REICHATD_SERVER_DRAIN_SECONDS": "5",
}
"""Limits that a test can wait for, and none on how fast a test may write."""
TRACES = ("Traceback", "crashed", '"level": "error"', '"level": "critical"')
"""What a daemon that has come to harm would write."""


class Resident(NamedTuple):
    """Somebody who is logged in."""

    user_id: str
    access_token: str
    refresh_token: str


class House:
    """A running daemon. Every room is ada's, and bob has joined it. What happens in it waits, and is no task of Trio's.

    Arguments:
        tls: how clients of a daemon that speaks TLS trust it.
    """

    def __init__(self, process: DaemonProcess, tls: ssl.SSLContext | None = None) -> None:
        self.process = process
        self.tls = tls
        self._rooms = 0
        self._seen = 0
        trio.run(process.start)
        self.ada = self._newcomer("ada")
        self.bob = self._newcomer("bob")

    def _newcomer(self, name: str) -> Resident:
        who: dict[str, Any] = {"email": f"{name}@example.org", "password": "a good password"}
        seen = len(self.process.codes())
        assert self.call("POST", "/register", **who, username=name).status == 201
        wait_until(lambda: len(self.process.codes()) > seen)
        assert self.call("POST", "/verify", email=who["email"], code=self.process.codes()[-1]).status == 200
        answer = self.call("POST", "/login", **who).json
        return Resident(answer["user_id"], answer["tokens"]["access_token"], answer["tokens"]["refresh_token"])

    def wire(self, **options: Any) -> Wire:  # noqa: ANN401 - see Wire
        return Wire(self.process.port, tls=self.tls, **options)

    def call(self, method: str, path: str, *, by: Resident | None = None, **body: Any) -> Answer:  # noqa: ANN401 - JSON
        """One REST call on a connection of its own."""
        headers = ["Connection: close", *([f"Authorization: Bearer {by.access_token}"] if by else [])]
        with self.wire() as wire:
            wire.send(request(method, path, *headers, body=json.dumps(body).encode() if body else b""))
            return wire.answer()

    def room(self) -> str:
        """A new room of both."""
        self._rooms += 1
        room_id = f"room{self._rooms}"
        room: dict[str, Any] = {"name": "Room", "description": "A room", "room_id": room_id}
        assert self.call("POST", "/room", by=self.ada, **room).status == 201
        assert self.call("POST", f"/room/{room_id}/join", by=self.bob).status == 200
        return room_id

    def target(self, room_id: str, by: Resident | None = None) -> str:
        return f"/ws/chat/{room_id}?token={(by or self.ada).access_token}"

    def talk(self, room_id: str, by: Resident | None = None, **options: Any) -> Wire:  # noqa: ANN401 - see Wire
        """An open socket that has been told the initial state."""
        wire = self.wire(**options).upgrade(self.target(room_id, by))
        assert wire.frame().json["type"] == "initial_state"
        return wire

    def holds(self, wire: Wire) -> bool:
        """Whether the daemon still holds its end of this connection."""
        pair = (f":{self.process.port:04X}", f":{wire.socket.getsockname()[1]:04X}")
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        ends = [line.split()[1:4] for line in lines]  # addresses, and the state: 01 is established
        return any((local[-5:], remote[-5:], state) == (*pair, "01") for local, remote, state in ends)

    def check(self) -> None:
        """Asserts that it lives, serves and chats, and that nothing in it has come to harm."""
        assert self.process.poll() is None, self.process.output
        with self.wire() as wire:
            assert wire.ask("GET", "/").json == {"message": "ok"}
        with self.talk(self.room()) as wire:
            wire.send(text("listen_latest") + text("message", content="still there", nonce="n"))
            frames = [wire.frame().json for _ in range(2)]
            assert {frame["type"] for frame in frames} == {"latest_message", "ack"}
        self.check_output()

    def check_output(self) -> None:
        """Asserts that nothing bad has been written since the last look."""
        output = self.process.output
        new, self._seen = output[self._seen :], len(output)
        assert not [trace for trace in TRACES if trace in new], new

    def stop(self) -> float:
        """SIGTERM; it must end with status 0. Returns how many seconds that took."""
        began = time.monotonic()
        assert trio.run(self.process.stop) == 0, self.process.output
        self.check_output()
        return time.monotonic() - began

    def check_secrets(self) -> None:
        """Asserts that no token has been written out, nor the signature of one."""
        output = self.process.output
        for resident in (self.ada, self.bob):
            assert resident.refresh_token not in output
            assert resident.access_token.rpartition(".")[2] not in output


@contextmanager
def house(directory: Path, tls: ssl.SSLContext | None = None, /, **environ: str) -> Iterator[House]:
    """A daemon with short limits and these settings. In the end it must stop cleanly, and must have kept its secrets."""
    directory.mkdir(exist_ok=True)
    process = DaemonProcess(directory, {**SHORT, **environ})
    try:
        inhabited = House(process, tls)
        yield inhabited
        if process.poll() is None:
            inhabited.stop()
        inhabited.check_secrets()
    finally:
        process.kill()


def wait_until(true: Callable[[], bool]) -> None:
    """Waits, SECONDS at the most, for something that nobody tells us of."""
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
