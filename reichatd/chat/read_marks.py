"""Reads read marks from the store, many in one query."""

import trio

from reichatd.chat.batched_reads import BatchedReads
from reichatd.store import MessageStore


class MarkReader:
    """Owns the requests for read marks that wait for the store."""

    def __init__(self, messages: MessageStore) -> None:
        self._reads: BatchedReads[tuple[str, str], int | None] = BatchedReads(messages.read_marks)

    async def read(self, room_id: str, user_id: str) -> int | None:
        """A member's read mark in the store; None if the user is not a member. Any task may call it; waits.

        Raises:
            StoreError
        """
        return await self._reads.read((room_id, user_id))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Reads until cancelled."""
        await self._reads.run(task_status=task_status)
