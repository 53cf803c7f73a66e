"""The short way in for plain messages: whole, masked text frames, which is what nearly all frames of nearly all clients are.

The library's parser, its channel and the tasks between cost about as much as everything else that a post costs. So the frames that
need none of it are taken out of the stream before it; whatever else comes is the library's. Pure.
"""

_TEXT, _PING, _PONG = 0x81, 0x89, 0x8A  # final, no extension (RFC 6455, 5.2)
_MASKED = 0x80
_CONTROL_BYTES = 125


class PlainTexts:
    """Reads frames until the first that is neither a plain text nor a ping or pong: that and all behind it is not for it.

    What is wrong in any way (too long, not masked, not UTF-8) is not plain: the library says so to the peer.

    Arguments:
        max_bytes: the longest message.
    """

    def __init__(self, max_bytes: int) -> None:
        self.ended = False
        """Whether everything is the library's from here on."""
        self._max_bytes = max_bytes
        self._held = bytearray()  # the beginning of a frame
        self._needed = 2  # how much of it must be here before it is worth a look

    def feed(self, data: bytes) -> tuple[list[str], bytes]:
        """Takes received bytes; gives the texts that became whole, and what is the library's, each in order."""
        if self.ended:
            return [], data
        self._held += data
        texts: list[str] = []
        passed = b""
        while not self.ended and len(self._held) >= self._needed:
            frame = self._take_frame()
            if frame is None:
                continue
            text = _text_of(frame) if frame[0] == _TEXT else None
            if text is not None:
                texts.append(text)
            else:
                passed += frame
                self.ended = frame[0] == _TEXT
        if self.ended:
            passed += self._held
            self._held.clear()
        return texts, passed

    def _take_frame(self) -> bytes | None:
        """The frame at the beginning, once it is whole; else notes how much it takes, or that it is not for us."""
        held = self._held
        first, size, start = held[0], held[1] & 0x7F, 2
        if first not in (_TEXT, _PING, _PONG) or not held[1] & _MASKED:
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
        frame = bytes(held[:end])
        del held[:end]
        self._needed = 2
        return frame


def _text_of(frame: bytes) -> str | None:
    """The text in a plain frame; None if it is no UTF-8."""
    start = {126: 4, 127: 10}.get(frame[1] & 0x7F, 2)
    key, masked = frame[start : start + 4], frame[start + 4 :]
    size = len(masked)
    mask = (key * (size // 4 + 1))[:size]
    plain = int.from_bytes(masked, "big") ^ int.from_bytes(mask, "big")
    try:
        return plain.to_bytes(size, "big").decode()
    except UnicodeDecodeError:
        return None
