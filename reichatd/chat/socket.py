"""What the chat needs of a WebSocket. The gateway has the real one; nothing here knows how it is made."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

ABORT = 1006
"""In place of a close code: no goodbye, since there is nobody to hear it (RFC 6455, 7.4.1 keeps 1006 off the wire)."""


class PeerGone(Exception):
    """The other side has closed the conversation, or the network has."""


class PeerStalled(PeerGone):
    """The other side has taken no byte for as long as it may (limits.slow_reader_seconds)."""


class Socket(Protocol):
    """One open WebSocket, server side. All sending takes ready-made frames and keeps them whole and in order."""

    def try_send(self, data: bytes, ends: Sequence[int]) -> int:
        """Sends as many frames as the socket takes at once, without waiting; any task may call it.

        Arguments:
            data: frames, one behind the other.
            ends: for each frame the offset of its end in `data`, ascending; the last one is `len(data)`.

        Returns:
            how many frames, from the first on, need not be sent again; the last of them may be `has_pending`. 0 also where another
            task is waiting to send, or the peer is gone: whoever then waits in `send` learns of that.
        """

    @property
    def has_pending(self) -> bool:
        """Whether what `try_send` took is still on this side: somebody must wait in `send`, even with nothing, to get it out."""

    async def send(self, data: bytes) -> None:
        """Sends frames, waiting until the socket has taken them all.

        Cancelled, it leaves what is unsent to go out before anything else: a frame is never cut.

        Raises:
            PeerGone, PeerStalled
        """

    def unbroken(self) -> AbstractAsyncContextManager[Callable[[bytes], Awaitable[None]]]:
        """For the frames of one message: gives a `send` to call for each of them, and nothing of others goes out in between.

        To others the socket is full meanwhile. If an exception leaves the message unfinished, only `close` may follow: the caller
        sees to it, without waiting, that those who wait in `send` are cancelled. They have sent nothing then.

        Raises:
            PeerGone, PeerStalled
        """

    async def receive(self) -> str | bytes:
        """The next text (str) or binary (bytes) message.

        Raises:
            PeerGone: no more will come.
        """

    @property
    def heard_at(self) -> float:
        """When the peer was last heard, in Trio's time; now, while nobody is listening to it."""

    async def close(self, code: int, reason: str) -> None:
        """Says goodbye with this code, waits a little for the answer, and lets go. Raises nothing but Cancelled."""
