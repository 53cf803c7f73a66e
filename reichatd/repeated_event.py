"""An event that can happen again: `trio.Event` has no `clear`.

The name is that of trio-util, whose class offers iterators instead of `clear`; these few lines are not worth a dependency.
"""

import trio


class RepeatedEvent:
    """A `trio.Event`, replaced by a new one each time. Used in one of two ways; only `wait` waits.

    A wake-up for one consumer: `set` is remembered until the consumer, back from `wait`, calls `clear` and takes all the work there
    is. However often `set` is called before that, the consumer is woken once.

    A change that others wait for: `notify_all` wakes the tasks that wait now, and nothing is remembered. A task calls `wait` in a
    loop around its condition, as with a condition variable; no lock is needed where only the event loop changes the condition.
    """

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = trio.Event()

    def set(self) -> None:
        """Wakes all tasks in `wait`; from here on `wait` returns at once."""
        self._event.set()

    def clear(self) -> None:
        """From here on `wait` waits again. Harmless if the event is not set."""
        if self._event.is_set():
            self._event = trio.Event()

    def notify_all(self) -> None:
        """Wakes all tasks in `wait`; later calls of `wait` wait for the next time."""
        self._event.set()
        self._event = trio.Event()

    def is_set(self) -> bool:
        """Whether `set` was called after the last `clear`."""
        return self._event.is_set()

    async def wait(self) -> None:
        """Waits until the event is set, or for the next `notify_all`. A checkpoint in any case."""
        await self._event.wait()
