"""Reads lines of bytes from a stream, up to a length."""

import trio


class LineTooLong(Exception):
    """No line end came within the allowed length."""


class LineReader:
    """Reads a stream line by line; the caller keeps the stream.

    Arguments:
        most: the most bytes of a line.
    """

    def __init__(self, stream: trio.abc.ReceiveStream, most: int) -> None:
        self._stream = stream
        self._most = most
        self._buffer = bytearray()
        self._searched = 0

    async def line(self) -> bytes | None:
        """Returns the next line without its end; None at the end of the stream, even in the middle of a line.

        Raises:
            LineTooLong; trio.BrokenResourceError
        """
        while True:
            end = self._buffer.find(b"\n", self._searched)
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                self._searched = 0
                return line
            self._searched = len(self._buffer)
            if self._searched > self._most:
                raise LineTooLong
            chunk = await self._stream.receive_some(65_536)
            if not chunk:
                return None
            self._buffer += chunk
