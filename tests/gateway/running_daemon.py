"""A daemon in its own process, with two users and their rooms, for tests that try to break it."""

import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import trio

from tests.gateway.raw import SECONDS, Answer, RawClient, closing, request, text
from tests.process import DaemonProcess

SHORT_SECONDS = 3.0
"""A timeout that a test can wait for, and that a request meets on a busy machine."""
SHORT_LIMITS = {
    "REICHATD_LIMITS_HANDSHAKE_SECONDS": str(SHORT_SECONDS),
    "REICHATD_LIMITS_REQUEST_SECONDS": str(SHORT_SECONDS),
    "REICHATD_LIMITS_KEEP_ALIVE_SECONDS": str(SHORT_SECONDS),
    "REICHATD_LIMITS_CLOSE_SECONDS": "1",
    "REICHATD_LIMITS_MESSAGES_PER_SECOND": "0",
    "REICHATD_LIMITS_MESSAGE_BYTES_PER_SECOND": "0",
    "REICHATD_LIMITS_POSTED_BYTES_PER_DAY": "0",
    "REICHATD_SERVER_DRAIN_SECONDS": "5",
}
"""Timeouts that a test can wait for, and no limit on how fast a test may write."""
LONG_LIMITS = {
    "REICHATD_LIMITS_HANDSHAKE_SECONDS": "3600",
    "REICHATD_LIMITS_REQUEST_SECONDS": "3600",
    "REICHATD_LIMITS_KEEP_ALIVE_SECONDS": "3600",
    "REICHATD_LIMITS_SLOW_READER_SECONDS": "3600",
}
"""No client times out during a test."""
LONG_CLOSE = {"REICHATD_LIMITS_CLOSE_SECONDS": "60"}
CALL_SECONDS = 60.0
"""The longest wait for a response of the REST API, which may hash a password on a busy machine."""
ERROR_MARKS = ("Traceback", "crashed", '"level": "error"', '"level": "critical"')
"""Text in the output of a daemon that shows a fault."""


class LoggedInUser(NamedTuple):
    """A user who is logged in."""

    user_id: str
    access_token: str
    refresh_token: str


class RunningDaemon:
    """A running daemon. ada owns every room, and bob has joined it. All methods block; they do not run in Trio.

    Arguments:
        tls: the context of clients, if the daemon speaks TLS.
    """

    def __init__(self, process: DaemonProcess, tls: ssl.SSLContext | None = None) -> None:
        self.process = process
        self.tls = tls
        self._rooms = 0
        self._seen = 0
        trio.run(process.start)
        self.ada = self._register("ada")
        self.bob = self._register("bob")

    def _register(self, name: str) -> LoggedInUser:
        who: dict[str, Any] = {"email": f"{name}@example.org", "password": "a good password"}
        seen = len(self.process.codes())
        assert self.call("POST", "/register", **who, username=name).status == 201
        wait_until(lambda: len(self.process.codes()) > seen)
        assert self.call("POST", "/verify", email=who["email"], code=self.process.codes()[-1]).status == 200
        answer = self.call("POST", "/login", **who).json
        return LoggedInUser(answer["user_id"], answer["tokens"]["access_token"], answer["tokens"]["refresh_token"])

    def connect(self, **options: Any) -> RawClient:  # noqa: ANN401 - see RawClient
        return RawClient(self.process.port, tls=self.tls, **options)

    def call(self, method: str, path: str, *, by: LoggedInUser | None = None, **body: Any) -> Answer:  # noqa: ANN401 - JSON
        """One REST call on a connection of its own."""
        headers = ["Connection: close", *([f"Authorization: Bearer {by.access_token}"] if by else [])]
        with self.connect() as client:
            client.socket.settimeout(CALL_SECONDS)
            client.send(request(method, path, *headers, body=json.dumps(body).encode() if body else b""))
            return client.answer()

    def room(self) -> str:
        """Makes a room of ada's that bob has joined. Returns its id."""
        self._rooms += 1
        room_id = f"room{self._rooms}"
        room: dict[str, Any] = {"name": "Room", "description": "A room", "room_id": room_id}
        assert self.call("POST", "/room", by=self.ada, **room).status == 201
        assert self.call("POST", f"/room/{room_id}/join", by=self.bob).status == 200
        return room_id

    def make_long_list(self) -> bytes:
        """Makes rooms with long descriptions. Returns a request for the list of them."""
        for number in range(20):
            room: dict[str, Any] = {"name": "Large", "description": "x" * 1000, "room_id": f"large{number}"}
            assert self.call("POST", "/room", by=self.ada, **room).status == 201
        return request("GET", "/public", f"Authorization: Bearer {self.ada.access_token}")

    def target(self, room_id: str, by: LoggedInUser | None = None) -> str:
        return f"/ws/chat/{room_id}?token={(by or self.ada).access_token}"

    def open_websocket(self, room_id: str, by: LoggedInUser | None = None, **options: Any) -> RawClient:  # noqa: ANN401 - see RawClient
        """A WebSocket that has received its initial state."""
        client = self.connect(**options).upgrade(self.target(room_id, by))
        assert client.message()["type"] == "initial_state"
        return client

    def is_connected_to(self, client: RawClient) -> bool:
        """Whether the daemon's end of this connection is still open."""
        pair = (f":{self.process.port:04X}", f":{client.socket.getsockname()[1]:04X}")
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        ends = [line.split()[1:4] for line in lines]  # addresses, and the state: 01 is established
        return any((local[-5:], remote[-5:], state) == (*pair, "01") for local, remote, state in ends)

    def check(self) -> None:
        """Asserts that the daemon runs, serves and chats, and that its output shows no fault."""
        assert self.process.poll() is None, self.process.output
        with self.connect() as client:
            assert client.ask("GET", "/").json == {"message": "ok"}
        with self.open_websocket(self.room()) as client:
            client.send(text("listen_latest") + text("message", content="still there", nonce="n"))
            assert {client.message()["type"] for _ in range(2)} == {"latest_message", "ack"}
        self.check_output()

    def check_output(self) -> None:
        """Asserts that the output since the last call shows no fault."""
        output = self.process.output
        new, self._seen = output[self._seen :], len(output)
        assert not [mark for mark in ERROR_MARKS if mark in new], new

    def stop(self) -> float:
        """Sends SIGTERM; the exit status must be 0. Returns how many seconds the stop took."""
        began = time.monotonic()
        assert trio.run(self.process.stop) == 0, self.process.output
        self.check_output()
        return time.monotonic() - began

    def check_secrets(self) -> None:
        """Asserts that the output contains no refresh token, and no signature of an access token."""
        output = self.process.output
        for user in (self.ada, self.bob):
            assert user.refresh_token not in output
            assert user.access_token.rpartition(".")[2] not in output


@contextmanager
def running_daemon(directory: Path, tls: ssl.SSLContext | None = None, /, **environ: str) -> Iterator[RunningDaemon]:
    """A daemon with short limits and these settings. At the end it must stop cleanly, without secrets in its output."""
    directory.mkdir(exist_ok=True)
    process = DaemonProcess(directory, {**SHORT_LIMITS, **environ})
    try:
        daemon = RunningDaemon(process, tls)
        yield daemon
        if process.poll() is None:
            daemon.stop()
        daemon.check_secrets()
    finally:
        process.kill()


def check_kick_in_a_burst(daemon: RunningDaemon, pause: float) -> None:
    """Asserts that a member who is kicked during a burst gets whole messages in order, then the close frame, then nothing.

    Arguments:
        pause: seconds between the first message and the kick.
    """
    room = daemon.room()
    burst = b"".join(text("message", content="x" * 50) for _ in range(1500))
    with daemon.open_websocket(room) as ada, daemon.open_websocket(room, daemon.bob) as bob:
        bob.send(text("listen_latest"))
        assert bob.goes_on()
        ada.send(burst)
        bob.next("latest_message")
        time.sleep(pause)
        assert daemon.call("POST", f"/room/{room}/kick/{daemon.bob.user_id}", by=daemon.ada).status == 200
        *messages, last = bob.frames()
        ids = [each.json["message"]["message_id"] for each in messages]
        assert ids == list(range(2, len(ids) + 2))
        assert last.close_code == 1008
        bob.send(closing(1008))
        assert bob.rest() == b""


def wait_until(condition: Callable[[], bool]) -> None:
    """Polls until the condition holds, for SECONDS at most."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
