"""How long a client's messages will be: the heads of their frames say so before any payload has come. Pure."""

_CONTINUATION = 0
_CONTROL = 0x8
"""In an opcode: a control frame, which belongs to no message (RFC 6455, 5.5)."""
_EXTENDED = {126: 2, 127: 8}
"""How many bytes of a head hold the length, by the seven bits that stand in for it."""
_MASK_BYTES = 4


class MessageSizes:
    """Follows the frames of one client (RFC 6455, 5.2). What else is wrong with them is not its concern.

    Arguments:
        max_bytes: the longest message, in bytes, all its fragments together.
    """

    __slots__ = ("_head", "_max_bytes", "_message", "_payload")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._head = b""  # the beginning of a frame, as far as its length
        self._payload = 0  # bytes of the current frame that are still to come, its mask among them
        self._message = 0  # bytes of the current message, those still to come among them

    def feed(self, data: bytes) -> int | None:
        """Takes received bytes, each once and in order.

        Returns:
            where in `data` the frame begins with which its message becomes too long, 0 if it began before; None if there is none.
            After that nothing more can be fed.
        """
        at = begin = 0
        while at < len(data):
            if self._payload:
                passed = min(self._payload, len(data) - at)
                self._payload -= passed
                begin = at = at + passed
                continue
            self._head += data[at : at + 1]
            at += 1
            if self._is_head_whole():
                if self._begin_frame():
                    return begin
                begin = at
        return None

    def _is_head_whole(self) -> bool:
        return len(self._head) >= 2 and len(self._head) == 2 + _EXTENDED.get(self._head[1] & 0x7F, 0)

    def _begin_frame(self) -> bool:
        """Takes the head; whether the message is too long with this frame."""
        head, self._head = self._head, b""
        size = int.from_bytes(head[2:]) if len(head) > 2 else head[1] & 0x7F
        self._payload = size + (_MASK_BYTES if head[1] & 0x80 else 0)
        opcode = head[0] & 0x0F
        if opcode & _CONTROL or size >> 63:  # a length that is none: a breach of the protocol
            return False
        self._message = size if opcode != _CONTINUATION else self._message + size
        return self._message > self._max_bytes
