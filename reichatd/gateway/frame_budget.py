"""How much one WebSocket may send: frames and bytes a second. Over it, nothing more is read for a while."""

from math import ceil

import trio

from reichatd.rate_limits import Refusals
from reichatd.settings import LiveSettings

FRAMES = "frames_per_second"
BYTES = "frame_bytes_per_second"
_NOTE_SECONDS = 1.0
"""A socket that sends too much for long waits again and again, for moments: that is noted once in this time."""


class FrameBudget:
    """Two token buckets, of frames and of bytes, which may run into debt: what has come is read, then the socket waits.

    Of every kind: also empty fragments, pings and pongs cost time. While nothing is read, TCP tells the client to wait; it is not
    closed, and loses nothing.

    Each bucket is one number, the time when it will be full again (a virtual schedule, ITU-T I.371: the generic cell rate
    algorithm). So `spend`, which is called whenever something has come, costs a few operations.

    Arguments:
        settings: of these, the limits on frames.
        refusals: told when the socket has to wait, at most once a second.
        client: the address of the socket's client.
    """

    __slots__ = ("_bytes_full_at", "_client", "_frames_full_at", "_noted_at", "_refusals", "_settings", "is_spent")

    def __init__(self, settings: LiveSettings, refusals: Refusals, client: str) -> None:
        self.is_spent = False
        """Whether `refilled` must be awaited before more is read."""
        self._settings = settings
        self._refusals = refusals
        self._client = client
        self._frames_full_at = 0.0
        self._bytes_full_at = 0.0
        self._noted_at = -_NOTE_SECONDS

    def spend(self, frames: int, size: int) -> None:
        """Charges what has come.

        Arguments:
            frames: those that were read.
            size: bytes received.
        """
        limits, now = self._settings.limits, trio.current_time()
        if rate := limits.frames_per_second:
            self._frames_full_at = max(self._frames_full_at, now) + frames / rate
            self.is_spent = self._frames_full_at - now > limits.frames_burst / rate
        if rate := limits.frame_bytes_per_second:
            self._bytes_full_at = max(self._bytes_full_at, now) + size / rate
            self.is_spent = self.is_spent or self._bytes_full_at - now > limits.frame_bytes_burst / rate

    async def refilled(self) -> None:
        """Waits until neither bucket is in debt."""
        limits, now = self._settings.limits, trio.current_time()
        waits = {
            FRAMES: self._frames_full_at - now - limits.frames_burst / (limits.frames_per_second or 1),
            BYTES: self._bytes_full_at - now - limits.frame_bytes_burst / (limits.frame_bytes_per_second or 1),
        }
        limit = max(waits, key=waits.__getitem__)
        wait = max(0.0, waits[limit])
        # The bucket may have filled while the conversation was busy.
        if wait and now - self._noted_at >= _NOTE_SECONDS:
            self._noted_at = now
            self._refusals.note(limit, client=self._client, retry_after=ceil(wait))
        await trio.sleep(wait)
        self.is_spent = False
