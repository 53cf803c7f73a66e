"""Figures of how soon people at one daemon feel what is done at another."""

import os
import secrets
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import msgspec

from reichatd.bench.client import ConnectionLost, FrameReader, connect, text_frame
from reichatd.bench.scenarios import LISTEN_TO_CHANGES
from reichatd.bench.target import BenchTarget, PrivateTarget, TargetError
from tests.bench.daemons import Daemons, daemons
from tests.bench.targets import Figure, Run, at_most

_ROUNDS = 3
_MOST_SECONDS = 0.5
_MOST_PASSWORD_SECONDS = 1.0
_WAIT_SECONDS = 60.0
_ACTIONS = (
    "edit",
    "reaction",
    "read mark",
    "rename",
    "leave",
    "kick",
    "ban",
    "deletion of a room",
    "logout",
    "disable",
    "password change",
)


class _Socket:
    """A WebSocket that was sent its first frame."""

    def __init__(self, target: BenchTarget, path: str) -> None:
        self.sock = connect(target.host, target.port, f"{path}?token={target.token}")
        self.sock.settimeout(_WAIT_SECONDS)
        self._reader = FrameReader()
        self._reader.wait_text(self.sock)

    def __enter__(self) -> "_Socket":
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, **frame: object) -> None:
        self.sock.sendall(text_frame(msgspec.json.encode(frame)))

    def wait(self, match: str) -> None:
        """Waits for a frame that has this in it."""
        while match.encode() not in self._reader.wait_text(self.sock):
            pass

    def wait_closed(self, code: int) -> None:
        try:
            while True:
                self._reader.wait_text(self.sock)
        except ConnectionLost as lost:
            if not str(lost).startswith(f"closed with {code} "):
                raise


class _Stage:
    """Two people, who act at one daemon, and are shown at the other. Keeps how long each action took to be felt there."""

    def __init__(self, at: Daemons) -> None:
        self.here, self._there = at.targets
        self._environ = at.environ[0]
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)

    def act(self) -> None:
        """Does each of the actions once."""
        name = f"b{secrets.token_hex(6)}"
        owner, guest = self.here.as_another(f"{name}o"), self.here.as_another(f"{name}g")
        owner.call("POST", "/room", {"name": "Bench", "description": "", "room_id": name})
        self._join(guest, name)
        self._changes(owner, guest, name)
        self._memberships(owner, guest, name)
        self._sessions(guest)

    def _changes(self, owner: PrivateTarget, guest: PrivateTarget, room_id: str) -> None:
        path = f"/ws/chat/{room_id}"
        with (
            _Socket(owner, path) as author,
            _Socket(self._of(guest), path) as listener,
            _Socket(self._of(guest), "/ws/user") as device,
        ):
            listener.sock.sendall(text_frame(LISTEN_TO_CHANGES.encode()))
            listener.wait('"caught_up"')
            author.send(type="message", content="x", nonce="1")
            author.wait('"ack"')
            listener.wait('"latest_message"')
            author.send(type="edit", message_id=1, content="edited", nonce="2")
            author.wait('"ack"')
            with self._felt("edit"):
                listener.wait('"edited"')
            author.send(type="react", message_id=1, emoji="👍", nonce="3")
            author.wait('"ack"')
            with self._felt("reaction"):
                listener.wait('"count":1')
            guest.call("PUT", f"/room/{room_id}/last_read", {"message_id": 1})
            with self._felt("read mark"):
                device.wait('"type":"read"')
            owner.call("PUT", "/user/username", {"username": f"{room_id}r"})
            with self._felt("rename"):
                device.wait('"user_changed"')

    def _memberships(self, owner: PrivateTarget, guest: PrivateTarget, room_id: str) -> None:
        actions: list[tuple[str, BenchTarget, str, str]] = [
            ("leave", guest, "POST", "leave"),
            ("kick", owner, "POST", f"kick/{guest.user_id}"),
            ("ban", owner, "POST", f"ban/{guest.user_id}"),
            ("deletion of a room", owner, "DELETE", ""),
        ]
        for name, who, method, what in actions:
            with _Socket(self._of(guest), f"/ws/chat/{room_id}") as listener:
                who.call(method, f"/room/{room_id}/{what}".rstrip("/"))
                with self._felt(name):
                    listener.wait_closed(1008)
            if name == "ban":
                owner.call("POST", f"/room/{room_id}/unban/{guest.user_id}")
            if what:
                self._join(guest, room_id)

    def _sessions(self, guest: PrivateTarget) -> None:
        def log_out() -> None:
            guest.call("POST", "/logout")

        def change_password() -> None:
            new = secrets.token_urlsafe(16)
            other = BenchTarget(guest.host, guest.port)
            other.log_in(**guest.account)
            other.call("PUT", "/user/password", {"password": guest.account["password"], "new_password": new})
            guest.account["password"] = new

        def disable() -> None:
            command = [sys.executable, "-m", "reichatd", "user", "disable", "--yes", guest.account["email"]]
            subprocess.run(command, check=True, env={**os.environ, **self._environ}, stdout=subprocess.DEVNULL)

        actions: dict[str, Callable[[], None]] = {
            "logout": log_out,
            "password change": change_password,
            "disable": disable,
        }
        for name, do in actions.items():
            with _Socket(self._of(guest), "/ws/user") as device:
                do()
                with self._felt(name):
                    device.wait_closed(4001)
                    _wait_refused(self._of(guest))
            if do is not disable:
                guest.token = ""
                guest.log_in(**guest.account)

    def _of(self, person: BenchTarget) -> BenchTarget:
        """The person at the other daemon."""
        there = BenchTarget(self._there.host, self._there.port)
        there.token = person.token
        return there

    def _join(self, person: BenchTarget, room_id: str) -> None:
        person.call("POST", f"/room/{room_id}/join")

    @contextmanager
    def _felt(self, action: str) -> Iterator[None]:
        """The action is done and answered; it is felt at the end."""
        answered = time.perf_counter()
        yield
        self.seconds[action].append(time.perf_counter() - answered)


def _wait_refused(target: BenchTarget) -> None:
    """Waits until the daemon no longer accepts the token."""
    with suppress(TargetError):
        while True:
            target.call("GET", "/user")


def _elsewhere(run: Run) -> Sequence[float]:
    with daemons(2, 1) as at:
        stage = _Stage(at)
        for _ in range(run.scaled(_ROUNDS)):
            stage.act()
    return [max(stage.seconds[action]) for action in _ACTIONS]


FIGURES = [
    Figure(
        "elsewhere",
        f"what is done at one daemon is felt at another, after its answer: the longest of {_ROUNDS} times",
        [
            at_most(_MOST_PASSWORD_SECONDS if action == "password change" else _MOST_SECONDS, action, "s")
            for action in _ACTIONS
        ],
        _elsewhere,
    )
]
