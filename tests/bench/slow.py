"""A process with slow readers: they take so many bytes a second each, until they are told to read on as fast as they can.

It reads a `Slow` from standard input, says "ready", reads slowly until a line with the number of the last message comes, then reads
the rest, and writes a `Fate`.
"""

import select
import socket
import sys
import time

import msgspec

from reichatd.bench.client import PING, PONG, ConnectionLost, FrameReader, ask, text_frame

_REST_SECONDS = 60.0
_TICKS = 4
"""How often a second a slow reader reads."""
_TOO_SLOW = "closed with 1013"


class Slow(msgspec.Struct, frozen=True, kw_only=True):
    """Readers in one room.

    Arguments:
        request: the request target that opens a socket in the room.
        rate: bytes a second, of each.
    """

    host: str
    port: int
    request: str
    clients: int
    rate: int = 1024


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the readers.

    Arguments:
        whole: have had everything, in order.
        closed: were closed with 1013, behind everything up to some message, in order.
        astray: neither.
        behind: the share of the messages that the median reader had yet to get when it was told to read on.
    """

    whole: int
    closed: int
    astray: int
    behind: float


class _Tortoise:
    """One slow reader."""

    def __init__(self, spec: Slow) -> None:
        self.last_id = 0
        self.end = ""
        self.sock = socket.socket()
        # Before it connects: the daemon may send what the buffer of that moment holds.
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * spec.rate)
        self.sock.connect((spec.host, spec.port))
        ask(self.sock, spec.host, spec.port, spec.request)
        self._reader = FrameReader()
        self._reader.wait_text(self.sock)  # the initial state
        self.sock.sendall(text_frame(b'{"type":"listen_latest"}'))
        self.sock.setblocking(False)

    def read(self, size: int) -> None:
        """Takes at most so many bytes of what has come; sees to it that no message is missing."""
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
    """The process."""
    spec = msgspec.json.decode(sys.stdin.buffer.readline(), type=Slow)
    tortoises = [_Tortoise(spec) for _ in range(spec.clients)]
    print("ready", flush=True)
    _read_slowly(tortoises, spec.rate)
    last_id = int(sys.stdin.buffer.readline())
    behind = sorted(1 - each.last_id / last_id for each in tortoises)
    _read_on(tortoises, last_id)
    whole = sum(not each.end and each.last_id == last_id for each in tortoises)
    closed = sum(each.end.startswith(_TOO_SLOW) for each in tortoises)
    fate = Fate(
        whole=whole,
        closed=closed,
        astray=len(tortoises) - whole - closed,
        behind=behind[len(behind) // 2] if behind else 0.0,
    )
    sys.stdout.buffer.write(msgspec.json.encode(fate))


def _read_slowly(tortoises: list[_Tortoise], rate: int) -> None:
    """Until standard input has a line."""
    while True:
        due = time.perf_counter() + 1 / _TICKS
        for tortoise in tortoises:
            if not tortoise.end:
                tortoise.read(rate // _TICKS)
        if select.select([sys.stdin], [], [], max(0.0, due - time.perf_counter()))[0]:
            return


def _read_on(tortoises: list[_Tortoise], last_id: int) -> None:
    """Until everybody has everything, or has been closed."""
    end = time.perf_counter() + _REST_SECONDS
    while waiting := [each for each in tortoises if not each.end and each.last_id < last_id]:
        if time.perf_counter() > end:
            return
        ready, _, _ = select.select([each.sock for each in waiting], [], [], 1.0)
        for tortoise in waiting:
            if tortoise.sock in ready:
                tortoise.read(65_536)


if __name__ == "__main__":
    main()
