"""A process with slow readers, which read at a fixed rate until they are told to read the rest at full speed.

It reads a `SlowReaders` from standard input, prints "ready", and reads slowly until a line with the number of the last message
comes. Then it reads the rest, and writes a `ReaderOutcomes`.
"""

import select
import socket
import sys
import time

import msgspec

from reichatd.bench.client import PING, PONG, ConnectionLost, FrameReader, send_handshake, text_frame

_REST_SECONDS = 60.0
_READS_PER_SECOND = 4
_TOO_SLOW = "closed with 1013"


class SlowReaders(msgspec.Struct, frozen=True, kw_only=True):
    """Slow readers in one room.

    Arguments:
        request: the request target that opens a WebSocket in the room.
        rate: of each reader, in bytes a second.
    """

    host: str
    port: int
    request: str
    clients: int
    rate: int = 1024


class ReaderOutcomes(msgspec.Struct, frozen=True, kw_only=True):
    """The outcomes of the readers.

    Arguments:
        complete: number that got all messages, in order.
        closed: number closed with 1013 that got all messages up to then, in order.
        failed: number of all others.
        behind: the share of the messages that the median reader still lacked when slow reading ended.
    """

    complete: int
    closed: int
    failed: int
    behind: float


class _SlowReader:
    """One slow reader."""

    def __init__(self, spec: SlowReaders) -> None:
        self.last_id = 0
        self.end = ""
        self.sock = socket.socket()
        # Set before connecting: the daemon may send as much as the buffer holds at that time.
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * spec.rate)
        self.sock.connect((spec.host, spec.port))
        send_handshake(self.sock, spec.host, spec.port, spec.request)
        self._reader = FrameReader()
        self._reader.wait_text(self.sock)  # the initial state
        self.sock.sendall(text_frame(b'{"type":"listen_latest"}'))
        self.sock.setblocking(False)

    def read(self, size: int) -> None:
        """Receives at most `size` bytes, and checks that no message is missing."""
        try:
            data = self.sock.recv(size)
            if PING in data:
                self.sock.sendall(PONG)
            self._reader.feed(data)
            for text in self._reader.texts():
                message_id = msgspec.json.decode(text)["message"]["message_id"]
                if message_id != self.last_id + 1:
                    raise ConnectionLost(f"{message_id} after {self.last_id}")
                self.last_id = message_id
        except BlockingIOError:
            pass
        except (ConnectionLost, OSError) as error:
            self.end = str(error)


def main() -> None:
    """Runs the process."""
    spec = msgspec.json.decode(sys.stdin.buffer.readline(), type=SlowReaders)
    readers = [_SlowReader(spec) for _ in range(spec.clients)]
    print("ready", flush=True)
    _read_slowly(readers, spec.rate)
    last_id = int(sys.stdin.buffer.readline())
    behind = sorted(1 - each.last_id / last_id for each in readers)
    _read_rest(readers, last_id)
    complete = sum(not each.end and each.last_id == last_id for each in readers)
    closed = sum(each.end.startswith(_TOO_SLOW) for each in readers)
    outcomes = ReaderOutcomes(
        complete=complete,
        closed=closed,
        failed=len(readers) - complete - closed,
        behind=behind[len(behind) // 2] if behind else 0.0,
    )
    sys.stdout.buffer.write(msgspec.json.encode(outcomes))


def _read_slowly(readers: list[_SlowReader], rate: int) -> None:
    """Reads at the fixed rate until standard input has a line."""
    while True:
        due = time.perf_counter() + 1 / _READS_PER_SECOND
        for reader in readers:
            if not reader.end:
                reader.read(rate // _READS_PER_SECOND)
        if select.select([sys.stdin], [], [], max(0.0, due - time.perf_counter()))[0]:
            return


def _read_rest(readers: list[_SlowReader], last_id: int) -> None:
    """Reads at full speed until each reader has all messages or is closed, for 60 s at most."""
    end = time.perf_counter() + _REST_SECONDS
    while waiting := [each for each in readers if not each.end and each.last_id < last_id]:
        if time.perf_counter() > end:
            return
        ready, _, _ = select.select([each.sock for each in waiting], [], [], 1.0)
        for reader in waiting:
            if reader.sock in ready:
                reader.read(65_536)


if __name__ == "__main__":
    main()
