"""Removes the messages of deleted rooms in batches, so that nothing waits for a long log."""

from reichatd.administration.records import Emit, Progress
from reichatd.store import Store

_BATCH = 1000


async def sweep(store: Store, emit: Emit, expected: int = 0) -> int:
    """Removes the messages of all deleted rooms; returns how many.

    It may be stopped at any time: the daemon's housekeeping, or the next call, continues.

    Arguments:
        expected: about how many there are, for the progress.
    """
    swept = 0
    while removed := await store.messages.sweep(_BATCH):
        swept += removed
        await emit(Progress("messages", swept, max(expected, swept)))
    return swept
