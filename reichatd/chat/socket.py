"""The WebSocket as the chat sees it. The gateway implements it."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class PeerGone(Exception):
    """The peer has closed the connection, or the network has failed."""


class PeerStalled(PeerGone):
    """The peer has taken no byte for `limits.slow_reader_seconds`."""


class Socket(Protocol):
    """One open WebSocket, server side. The sending methods take encoded frames and keep them whole and in order."""

    @property
    def client(self) -> str:
        """The client's address, for the log."""

    def authenticated(self) -> None:
        """The client has shown who it is: from here on the limits of strangers do not hold for it."""

    def try_send(self, data: bytes, ends: Sequence[int]) -> int:
        """Sends as many frames as the socket takes at once, without waiting; any task may call it.

        Arguments:
            data: frames, concatenated.
            ends: for each frame the offset of its end in `data`, ascending; the last is `len(data)`.

        Returns:
            how many frames, from the first on, need not be sent again; of the last one, bytes may be pending. Also 0 if another
            task is waiting to send, or the peer is gone: `send` reports that.
        """

    @property
    def has_pending(self) -> bool:
        """Whether bytes that `try_send` took are not sent yet. A task must wait in `send`, even with no data, to flush them."""

    async def send(self, data: bytes) -> None:
        """Sends frames; waits until the socket has taken them all.

        If cancelled, what is unsent goes out before anything else: a frame is never cut.

        Raises:
            PeerGone, PeerStalled
        """

    def unbroken(self) -> AbstractAsyncContextManager[Callable[[bytes], Awaitable[None]]]:
        """For the frames of one message: gives a `send` to call for each of them; nothing else is sent in between.

        For other tasks the socket is full meanwhile. If an exception leaves the message unfinished, only `close` may follow: the
        caller cancels, without waiting, the tasks that wait in `send`. They have sent nothing then.

        Raises:
            PeerGone, PeerStalled
        """

    async def receive(self) -> str | bytes:
        """The next text (str) or binary (bytes) message.

        Raises:
            PeerGone: no more messages will come.
        """

    @property
    def heard_at(self) -> float:
        """When the last bytes came from the peer, in Trio's time; the current time while no task receives."""

    async def close(self, code: int, reason: str) -> None:
        """Sends a close frame, waits a short time for the answer, and closes the connection. Raises nothing but Cancelled."""
