"""The length of a client's messages, from the heads of their frames, before the payload has come. Pure."""

from sys import maxsize

_CONTINUATION = 0
_CONTROL = 0x8
"""The bit of an opcode that marks a control frame, which belongs to no message (RFC 6455, 5.5)."""
_EXTENDED = {126: 2, 127: 8}
"""How many further bytes of a head hold the length, by the value of its seven length bits."""
_MASK_BYTES = 4


class MessageSizes:
    """Adds up the frames of one client to messages (RFC 6455, 5.2). It does not look for other errors in them.

    Arguments:
        max_bytes: of the longest message, all its fragments together.
    """

    __slots__ = ("_head", "_max_bytes", "_message", "_payload", "frames", "taken")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._head = b""  # the first bytes of a frame, up to its length
        self._payload = 0  # bytes of the current frame that are still to come, with its mask
        self._message = 0  # bytes of the current message, with those still to come
        self.frames = 0
        """Frames that began in the last `feed`."""
        self.taken = 0
        """Bytes that the last `feed` has read."""

    def feed(self, data: bytes, max_frames: int = maxsize) -> int | None:
        """Takes the next received bytes.

        Arguments:
            max_frames: stops behind as many frames; the rest of `data` (see `taken`) is not read.

        Returns:
            the offset in `data` of the frame that makes its message too long, 0 if the frame began earlier; None if there is no
            such frame. Once there was one, nothing more may be fed.
        """
        at = begin = self.frames = 0
        while at < len(data) and (self.frames < max_frames or self._payload):
            if self._payload:
                passed = min(self._payload, len(data) - at)
                self._payload -= passed
                begin = at = at + passed
                continue
            self._head += data[at : at + 1]
            at += 1
            if self._is_head_whole():
                self.frames += 1
                if self._begin_frame():
                    return begin
                begin = at
        self.taken = at
        return None

    def _is_head_whole(self) -> bool:
        return len(self._head) >= 2 and len(self._head) == 2 + _EXTENDED.get(self._head[1] & 0x7F, 0)

    def _begin_frame(self) -> bool:
        """Takes the head. Returns whether this frame makes its message too long."""
        head, self._head = self._head, b""
        size = int.from_bytes(head[2:]) if len(head) > 2 else head[1] & 0x7F
        self._payload = size + (_MASK_BYTES if head[1] & 0x80 else 0)
        opcode = head[0] & 0x0F
        if opcode & _CONTROL or size >> 63:  # a length over 63 bits is a protocol error, which the library reports
            return False
        self._message = size if opcode != _CONTINUATION else self._message + size
        return self._message > self._max_bytes
