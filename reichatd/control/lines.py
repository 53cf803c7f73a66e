"""Lines of bytes on a stream, none longer than it may be."""

import trio


class LineTooLong(Exception):
    """No line end came within the length that is allowed."""


class LineReader:
    """Reads a stream line by line; the stream stays the caller's.

    Arguments:
        most: the bytes of the longest line.
    """

    def __init__(self, stream: trio.abc.ReceiveStream, most: int) -> None:
        self._stream = stream
        self._most = most
        self._buffer = bytearray()
        self._looked_through = 0

    async def line(self) -> bytes | None:
        """The next line without its end; None at the end of the stream, also in the middle of a line.

        Raises:
            LineTooLong; trio.BrokenResourceError
        """
        while True:
            end = self._buffer.find(b"\n", self._looked_through)
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                self._looked_through = 0
                return line
            self._looked_through = len(self._buffer)
            if self._looked_through > self._most:
                raise LineTooLong
            chunk = await self._stream.receive_some(65_536)
            if not chunk:
                return None
            self._buffer += chunk
