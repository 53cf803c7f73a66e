"""The messages of deleted rooms go bit by bit: nobody is to wait for a long log."""

from reichatd.administration.records import Emit, Progress
from reichatd.store import Store

_AT_ONCE = 1000


async def sweep(store: Store, emit: Emit, expected: int = 0) -> int:
    """Removes the messages of all deleted rooms; returns how many.

    It may stop at any time: the daemon's housekeeping, or the next caller, goes on.

    Arguments:
        expected: how many it will be, for those who watch.
    """
    swept = 0
    while removed := await store.messages.sweep(_AT_ONCE):
        swept += removed
        await emit(Progress("messages", swept, max(expected, swept)))
    return swept
