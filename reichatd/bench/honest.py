"""An honest user of the scenario `siege`: does what people do, at their pace, and notes how long each action takes.

The user's address is 127.0.1.1, so that the daemon sees another client than the attackers.
"""

import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException

import msgspec

from reichatd.bench.client import ConnectionLost, FrameReader, connect, text_frame
from reichatd.bench.specs import Honest, HonestOutcome, Outcome, latency

_ADDRESS = "127.0.1.1"
_DEADLINE_SECONDS = 10.0
"""Nobody waits longer. An action that fails counts as one that took so long."""


class _Failed(Exception):
    """The daemon did not do what the user asked for."""


class _Action:
    """One action, which the user repeats in a thread of its own."""

    def __init__(self, act: Callable[[], None], pause: float) -> None:
        self._act = act
        self._pause = pause
        self.milliseconds: list[float] = []
        self.lost = 0

    def repeat(self, end: float) -> None:
        """Acts until `end`, a time of `time.perf_counter`."""
        while (start := time.perf_counter()) < end:
            try:
                self._act()
                seconds = time.perf_counter() - start
            except (OSError, HTTPException, ConnectionLost, _Failed):
                self.lost += 1
                seconds = _DEADLINE_SECONDS
            self.milliseconds.append(seconds * 1000)
            time.sleep(self._pause)

    def outcome(self, elapsed: float) -> Outcome:
        return Outcome(
            count=len(self.milliseconds), lost=self.lost, elapsed=elapsed, latency=latency(self.milliseconds)
        )


def run(spec: Honest) -> HonestOutcome:
    """Does everything for `spec.seconds`."""
    actions = {
        "login": _Action(lambda: _log_in(spec), 0.2),
        "join": _Action(lambda: _join(spec), 0.2),
        "talk": _Action(_Talk(spec).say_something, 0.1),
        "public": _Action(lambda: _read_rooms(spec), 0.2),
    }
    end = time.perf_counter() + spec.seconds
    threads = [threading.Thread(target=action.repeat, args=(end,)) for action in actions.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return HonestOutcome(actions={name: action.outcome(spec.seconds) for name, action in actions.items()})


def _log_in(spec: Honest) -> None:
    _request(spec, "POST", "/login", msgspec.json.encode({"email": spec.email, "password": spec.password}))


def _read_rooms(spec: Honest) -> None:
    _request(spec, "GET", "/public")


def _request(spec: Honest, method: str, path: str, body: bytes | None = None) -> None:
    """A request on a new connection."""
    connection = HTTPConnection(spec.host, spec.port, timeout=_DEADLINE_SECONDS, source_address=(_ADDRESS, 0))
    try:
        connection.request(method, path, body, {"Authorization": f"Bearer {spec.token}"} if body is None else {})
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            raise _Failed
    finally:
        connection.close()


def _join(spec: Honest) -> None:
    _Socket(spec).close()


class _Socket:
    """A WebSocket in the room, which has its initial state."""

    def __init__(self, spec: Honest) -> None:
        self._sock = connect(spec.host, spec.port, spec.requests[0], source=_ADDRESS)
        self._sock.settimeout(_DEADLINE_SECONDS)
        self._reader = FrameReader()
        try:
            self._reader.wait_text(self._sock)
        except BaseException:
            self._sock.close()
            raise

    def post(self) -> None:
        """Posts a message, and waits until it is stored."""
        message = {"type": "message", "content": "How are you?", "nonce": str(time.time_ns())}
        self._sock.sendall(text_frame(msgspec.json.encode(message)))
        if b'"ack"' not in self._reader.wait_text(self._sock):
            raise _Failed

    def close(self) -> None:
        self._sock.close()


class _Talk:
    """A conversation on one WebSocket. When it is lost, the next message opens another, as clients for people do."""

    def __init__(self, spec: Honest) -> None:
        self._spec = spec
        self._socket: _Socket | None = None

    def say_something(self) -> None:
        if self._socket is None:
            self._socket = _Socket(self._spec)
        try:
            self._socket.post()
        except BaseException:
            self._socket.close()
            self._socket = None
            raise
