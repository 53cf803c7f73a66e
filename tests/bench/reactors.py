"""A process in which many users listen to a room, react to its messages at a steady rate, and see one of them edited meanwhile.

It reads a `ReactorsSpec` from standard input, prints "ready", and begins after the next line of it. It writes a `ReactorsOutcome`,
and keeps its sockets open until standard input ends.
"""

import re
import select
import sys
import time
from typing import TYPE_CHECKING

import msgspec

from reichatd.bench.client import PING, PONG, FrameReader, connect, text_frame
from reichatd.bench.specs import Latency, latency

if TYPE_CHECKING:
    from socket import socket

_CHANGE_ID = re.compile(rb'"change_id":(\d+)')
_MESSAGE_ID = re.compile(rb'"message_id":(\d+)')
_COUNT = re.compile(rb'"count":(\d+)')
_EDIT = re.compile(rb'"content":"edit (\d+)"')
_EMOJI = "\N{PARTY POPPER}"
_LAST_SECONDS = 10.0
"""How long to wait for the last frames."""


class ReactorsSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A storm of reactions.

    Arguments:
        requests: one request target for each user; each opens a socket in the same room.
        messages: number of messages that get reactions. The first user posts them, and one that is edited.
        reactions: number of reactions, from the users in turn; each of them reacts to each message at most once.
        seconds: in which they react.
        edit_seconds: time between two edits.
    """

    host: str = "127.0.0.1"
    port: int
    requests: list[str]
    messages: int
    reactions: int
    seconds: float
    edit_seconds: float


class ReactorsOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the listeners got.

    Arguments:
        elapsed: seconds of the storm, until all had everything.
        acked: reactions that were stored.
        frames: of reactions, at all listeners together.
        edits: the latency of each edit at each listener.
        unordered: frames whose change id was not greater than that of the one before, at any listener.
        missing: listeners, each times the edits and the last states of messages that it has not got.
    """

    elapsed: float
    acked: int
    frames: int
    edits: Latency
    unordered: int
    missing: int


def main() -> None:
    """Runs the process."""
    spec = msgspec.json.decode(sys.stdin.buffer.readline(), type=ReactorsSpec)
    storm = _Storm(spec)
    print("ready", flush=True)
    sys.stdin.buffer.readline()
    sys.stdout.buffer.write(msgspec.json.encode(storm.run()) + b"\n")
    sys.stdout.buffer.flush()
    sys.stdin.buffer.read()


class _Listener:
    """A user's socket, and what it has got."""

    def __init__(self, spec: ReactorsSpec, request: str) -> None:
        self.sock: socket = connect(spec.host, spec.port, request)
        self.reader = FrameReader()
        self.change_id = 0
        self.edits = 0
        self.counts: dict[int, int] = {}
        """Reactions to each message, in its last state."""
        self.reader.wait_text(self.sock)  # the initial state

    def send(self, **frame: str | int) -> None:
        self.sock.sendall(text_frame(msgspec.json.encode(frame)))


class _Storm:
    """Runs the storm. Frames are searched for what counts, not parsed: a slow reader would seem to be a slow daemon."""

    def __init__(self, spec: ReactorsSpec) -> None:
        self._spec = spec
        self._edited_at: list[float] = []
        self._milliseconds: list[float] = []
        self._acked = self._frames = self._unordered = 0
        self._sent: dict[int, int] = {}
        self._listeners = [_Listener(spec, request) for request in spec.requests]
        self._poll = select.epoll()
        self._by_fd = {listener.sock.fileno(): listener for listener in self._listeners}
        *self._message_ids, self._edited = [self._post(number) for number in range(spec.messages + 1)]
        for listener in self._listeners:
            listener.send(type="listen_latest", after_id=self._edited, after_change=0)
            assert b'"type":"caught_up"' in listener.reader.wait_text(listener.sock)
            self._poll.register(listener.sock.fileno(), select.EPOLLIN)

    def _post(self, number: int) -> int:
        author = self._listeners[0]
        author.send(type="message", content=f"message {number}", nonce=f"post {number}")
        return int(_found(_MESSAGE_ID, author.reader.wait_text(author.sock)))

    def run(self) -> ReactorsOutcome:
        spec, began, reactions = self._spec, time.perf_counter(), 0
        while reactions < spec.reactions:
            elapsed = time.perf_counter() - began
            due = min(spec.reactions, 1 + int(spec.reactions * elapsed / spec.seconds))
            for number in range(reactions, due):
                self._react(number)
            reactions = due
            if (len(self._edited_at) + 0.5) * spec.edit_seconds <= elapsed:
                self._edit()
            self._receive(0.002)
        end = time.perf_counter() + _LAST_SECONDS
        while (self._acked < reactions or self._missing()) and time.perf_counter() < end:
            self._receive(0.1)
        return ReactorsOutcome(
            elapsed=time.perf_counter() - began,
            acked=self._acked,
            frames=self._frames,
            edits=latency(self._milliseconds),
            unordered=self._unordered,
            missing=self._missing(),
        )

    def _react(self, number: int) -> None:
        """One user after another reacts, and neighbours to different messages."""
        turn, user = divmod(number, len(self._listeners))
        message_id = self._message_ids[(user + turn) % len(self._message_ids)]
        self._listeners[user].send(type="react", message_id=message_id, emoji=_EMOJI, nonce=f"react {number}")
        self._sent[message_id] = self._sent.get(message_id, 0) + 1

    def _edit(self) -> None:
        self._edited_at.append(time.perf_counter())
        self._listeners[0].send(type="edit", message_id=self._edited, content=f"edit {len(self._edited_at)}")

    def _receive(self, seconds: float) -> None:
        for fd, _ in self._poll.poll(seconds):
            listener = self._by_fd[fd]
            data = listener.sock.recv(65_536)
            now = time.perf_counter()
            if PING in data:
                listener.sock.sendall(PONG)
            listener.reader.feed(data)
            for text in listener.reader.texts():
                self._take(listener, text, now)

    def _take(self, listener: _Listener, text: bytes, now: float) -> None:
        if b'"type":"ack"' in text:
            self._acked += 1
            return
        change_id = int(_found(_CHANGE_ID, text))
        self._unordered += change_id <= listener.change_id
        listener.change_id = change_id
        if b'"type":"reactions_changed"' in text:
            self._frames += 1
            listener.counts[int(_found(_MESSAGE_ID, text))] = int(_found(_COUNT, text))
        else:
            edit = int(_found(_EDIT, text))
            self._unordered += edit != listener.edits + 1
            listener.edits = edit
            self._milliseconds.append((now - self._edited_at[edit - 1]) * 1000)

    def _missing(self) -> int:
        edits = len(self._edited_at)
        return sum(
            edits - listener.edits + sum(listener.counts.get(each) != count for each, count in self._sent.items())
            for listener in self._listeners
        )


def _found(pattern: re.Pattern[bytes], text: bytes) -> bytes:
    match = pattern.search(text)
    assert match, text
    return match[1]


if __name__ == "__main__":
    main()
