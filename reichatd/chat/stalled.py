"""The memory that replies and catch-ups hold while their sockets do not take it: bounded for the whole daemon."""

from collections import Counter

import structlog
import trio

from reichatd.chat.connection import Connection
from reichatd.closing import SLOW_READER
from reichatd.repeated_event import RepeatedEvent
from reichatd.settings import LiveSettings

STALLED_BYTES = "stalled_bytes"
"""Names the limit where refusals are counted."""

_LEAST_SECONDS = 1.0
"""A send younger than this is not stalled: when all clients come back at once, each holds something for a moment."""

log = structlog.get_logger()


class StalledSends:
    """Knows what each send holds; closes the socket that has stalled longest while all of them hold more than the limit.

    A long reply to a slow reader goes on piece by piece: it has stalled since its last piece only.

    Each byte counts once. The frames that were joined, and the stream's pending copy, come on top: up to three times as much.

    The hub owns it. Only `run` waits.

    Arguments:
        refusals: counts the closed sockets.
    """

    def __init__(self, settings: LiveSettings, refusals: Counter[str] | None = None) -> None:
        self.bytes = 0
        """What all sends hold."""
        self._settings = settings
        self._refusals = Counter() if refusals is None else refusals
        self._refusals.update({STALLED_BYTES: 0})
        self._sends: dict[HeldBytes, None] = {}  # the one that has waited longest is the first
        self._over = RepeatedEvent()
        settings.on_change(self._over.set)  # the limit may be lower now

    async def run(self) -> None:
        """Closes sockets whenever the limit is exceeded, until cancelled."""
        while True:
            await self._over.wait()
            self._over.clear()
            self._close_longest()
            while self._is_over():
                await trio.sleep(_LEAST_SECONDS / 4)
                self._close_longest()

    def begin(self, connection: Connection) -> "HeldBytes":
        """A send begins: a context, in which it says what it holds."""
        return HeldBytes(self, connection)

    def change(self, held: "HeldBytes", size: int) -> None:
        """Records how many bytes a send holds from now on. For `HeldBytes`."""
        if not size:
            self.end(held)
            return
        if held in self._sends:
            del self._sends[held]  # to the end: its socket has taken what it held before
        else:
            held.since = trio.current_time()
        self._sends[held] = None
        self.bytes += size - held.size
        held.size = size
        if self._is_over():
            self._over.set()

    def end(self, held: "HeldBytes") -> None:
        """A send is over. For `HeldBytes`; harmless if it was over before."""
        if held in self._sends:
            del self._sends[held]
            self.bytes -= held.size
            held.size = 0

    def _is_over(self) -> bool:
        return 0 < self._settings.limits.stalled_bytes < self.bytes

    def _close_longest(self) -> None:
        now = trio.current_time()
        for held in list(self._sends):
            if not self._is_over():
                break
            if now - held.since < _LEAST_SECONDS:
                continue
            user_id, seconds = held.connection.user.user_id, round(now - held.since, 1)
            log.info("stalled reader closed", user_id=user_id, held=held.size, seconds=seconds)
            self._refusals[STALLED_BYTES] += 1
            self.end(held)
            held.connection.close_soon(SLOW_READER)


class HeldBytes:
    """What one send holds: a reply, or a catch-up. A context manager: at its end nothing is held."""

    __slots__ = ("_sends", "connection", "since", "size")

    def __init__(self, sends: StalledSends, connection: Connection) -> None:
        self._sends = sends
        self.connection = connection
        self.since = 0.0  # when it began to hold something, in Trio's time
        self.size = 0

    def __enter__(self) -> "HeldBytes":
        return self

    def __exit__(self, *_: object) -> None:
        self._sends.end(self)

    def hold(self, size: int) -> None:
        """Sets how many bytes are held until the next call; with 0 the send is not stalled."""
        self._sends.change(self, size)
