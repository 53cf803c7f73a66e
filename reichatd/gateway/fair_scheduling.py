"""Fair scheduling of requests: many that come at once do not delay everything else."""

from collections.abc import Awaitable, Callable

import trio

_PRIORITY_SECONDS = 0.005
"""The longest wait for priority work: on a slow disk it needs neither the event loop nor the interpreter's lock."""


class FairScheduler:
    """Lets one task through in each round of the event loop, in the order in which they came.

    Without it, hundreds of simultaneous requests would all run in the same rounds and make each round long. A chat message needs
    several rounds from its author to its readers, so conversations would stall.

    Arguments:
        priority_work: waits until the work that goes before requests is done. It runs in a thread that now and then needs the
            interpreter's lock. Beside an event loop that is never idle it gets the lock after 5 ms only (sys.setswitchinterval),
            each time.
    """

    def __init__(self, priority_work: Callable[[], Awaitable[None]]) -> None:
        self._priority_work = priority_work
        self._queue = trio.lowlevel.ParkingLot()
        self._is_busy = False  # whether a task was let through since the event loop's last round

    async def wait_turn(self) -> None:
        """Waits for the caller's turn, at least until the next round. Any task may call it."""
        if self._is_busy:
            await self._queue.park()
        else:
            self._is_busy = True
            await trio.lowlevel.cancel_shielded_checkpoint()
        try:
            with trio.move_on_after(_PRIORITY_SECONDS):
                await self._priority_work()
        finally:  # also if cancelled: the next task runs in the next round
            if self._queue:
                self._queue.unpark()
            else:
                self._is_busy = False
