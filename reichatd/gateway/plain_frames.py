"""Reads the only frames that most clients send: unfragmented, masked texts, pings and pongs. Pure.

A conversation of these needs no library, whose parser, channel and task cost more time and memory than the rest of a connection.
The library takes over at the first other frame.
"""

from sys import maxsize
from typing import NamedTuple

_TEXT, _PING, _PONG = 0x81, 0x89, 0x8A  # final, no extension (RFC 6455, 5.2)
_PLAIN = (_TEXT, _PING, _PONG)
_MASKED = 0x80
_CONTROL_BYTES = 125


class Plain(NamedTuple):
    """The content of received bytes: texts, pongs (frames to send, which answer pings), and the rest, which is for the library."""

    texts: list[str]
    pongs: bytes
    rest: bytes


class PlainFrames:
    """Reads frames up to the first that is not plain. That frame and everything behind it is for the library.

    A frame with any error (too long, not masked, not UTF-8) is not plain: the library reports the error to the peer.

    Arguments:
        max_bytes: of the longest message.
    """

    __slots__ = ("_held", "_max_bytes", "_needed", "ended", "frames")

    def __init__(self, max_bytes: int) -> None:
        self.ended = False
        """Whether all further bytes are for the library."""
        self.frames = 0
        """Frames that the last `feed` has read."""
        self._max_bytes = max_bytes
        self._held = b""  # the beginning of a frame
        self._needed = 2  # how many bytes of it must be here before more of it can be read

    @property
    def is_behind(self) -> bool:
        """Whether `feed` has bytes to read without being given more."""
        return len(self._held) >= self._needed and not self.ended

    def feed(self, data: bytes, max_frames: int = maxsize) -> Plain:
        """Takes the next received bytes.

        Arguments:
            max_frames: reads as many; further ones are read by the next calls.
        """
        self.frames = 0
        if self.ended:
            return Plain([], b"", data)
        self._held += data
        texts: list[str] = []
        pongs = b""
        while not self.ended and len(held := self._held) >= self._needed and self.frames < max_frames:
            payload = self._take_frame()
            if payload is None:
                continue
            self.frames += 1
            if held[0] == _TEXT:
                try:
                    texts.append(payload.decode())
                except UnicodeDecodeError:
                    self.ended, self._held = True, held
            elif held[0] == _PING:
                pongs += bytes((_PONG, len(payload))) + payload
        return Plain(texts, pongs, self.end() if self.ended else b"")

    def end(self) -> bytes:
        """Stops reading frames. Returns the bytes that were fed and not read, which are for the library."""
        self.ended = True
        held, self._held = self._held, b""
        return held

    def _take_frame(self) -> bytes | None:
        """The payload of the first frame. None if the frame is incomplete (sets `_needed`) or not plain (sets `ended`)."""
        held = self._held
        first, size, start = held[0], held[1] & 0x7F, 2
        if first not in _PLAIN or not held[1] & _MASKED:
            self.ended = True
            return None
        if size > _CONTROL_BYTES:
            start = 4 if size == 126 else 10
            if len(held) < start:
                self._needed = start
                return None
            size = int.from_bytes(held[2:start], "big")
            if first != _TEXT or not (126 if start == 4 else 65_536) <= size <= self._max_bytes:
                self.ended = True
                return None
        end = start + 4 + size
        if size > self._max_bytes or len(held) < end:
            self.ended = size > self._max_bytes
            self._needed = end
            return None
        self._held = held[end:]
        self._needed = 2
        return _unmasked(held[start + 4 : end], held[start : start + 4])


def _unmasked(data: bytes, key: bytes) -> bytes:
    size = len(data)
    mask = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(mask, "big")).to_bytes(size, "big")
