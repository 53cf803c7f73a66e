"""Reads read marks from the store, many in one query.

When the daemon or its network comes back, thousands of clients join within seconds. While one read is in progress in the store's
thread, further requests collect, as posts do for the scribe: the next read answers all of them.
"""

import trio

from reichatd.repeated_event import RepeatedEvent
from reichatd.store import MessageStore, StoreError

_BATCH = 200
"""Requests in one read. With more, the first ones would wait for the last."""


class _Request:
    """One caller of `read`. `mark` or `failure` is valid once `done` is set."""

    __slots__ = ("done", "failure", "mark", "member")

    def __init__(self, member: tuple[str, str]) -> None:
        self.member = member
        self.mark: int | None = None
        self.failure: StoreError | None = None
        self.done = trio.Event()


class MarkReader:
    """Owns the requests that wait for the store."""

    def __init__(self, messages: MessageStore) -> None:
        self._messages = messages
        self._requests: list[_Request] = []
        self._wake = RepeatedEvent()

    async def read(self, room_id: str, user_id: str) -> int | None:
        """A member's read mark in the store; None if the user is not a member. Any task may call it; waits.

        Raises:
            StoreError
        """
        request = _Request((room_id, user_id))
        self._requests.append(request)
        self._wake.set()
        await request.done.wait()
        if request.failure is not None:
            raise StoreError(str(request.failure)) from request.failure
        return request.mark

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Reads until cancelled."""
        task_status.started()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._requests:
                batch, self._requests = self._requests[:_BATCH], self._requests[_BATCH:]
                await self._read(batch)

    async def _read(self, batch: list[_Request]) -> None:
        try:
            marks = await self._messages.read_marks([request.member for request in batch])
        except StoreError as error:
            for request in batch:
                request.failure = error
        else:
            for request, mark in zip(batch, marks, strict=True):
                request.mark = mark
        for request in batch:
            request.done.set()
