"""The outcome of a post or a change, for a task that waits for it."""

from typing import NamedTuple

import trio

from reichatd.errors import ReichatError
from reichatd.store import User


class Accepted(NamedTuple):
    """It is durable; see `Reply.accept`."""

    message_id: int
    change_id: int | None
    is_new: bool


class AwaitedReply:
    """A `Reply` that one task waits for, in `outcome`."""

    def __init__(self) -> None:
        self._done = trio.Event()
        self._accepted = Accepted(0, None, is_new=False)
        self._error: ReichatError | None = None

    def expect(self) -> None: ...

    def accept(self, message_id: int, change_id: int | None, *, is_new: bool) -> None:
        self._accepted = Accepted(message_id, change_id, is_new)
        self._done.set()

    def refuse(self, error: ReichatError) -> None:
        self._error = error
        self._done.set()

    async def outcome(self) -> Accepted:
        """Waits until it is durable. Raises the error with which it was refused."""
        await self._done.wait()
        if self._error is not None:
            raise self._error
        return self._accepted


class AwaitedPost(AwaitedReply):
    """A `PostReply` that one task waits for."""

    def __init__(self, user: User) -> None:
        super().__init__()
        self.user = user
