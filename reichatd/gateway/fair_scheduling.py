"""Who goes next."""

from collections.abc import Awaitable, Callable

import trio

_PATIENCE_SECONDS = 0.005
"""How long others are given way at the most: on a slow disk they need neither the event loop nor the interpreter's lock."""


class FairScheduler:
    """Lets one through in each round of the event loop, in the order of coming.

    Hundreds of requests that come at once would all be worked on in the same rounds, and a message takes some rounds from its
    author to its readers: so long would each of them be that nobody's conversation would be one any more.

    Arguments:
        clear: waits until those have done who go before all others. They work in a thread that needs the interpreter's lock now
            and then, and beside an event loop that is never idle gets it after 5 ms only (sys.setswitchinterval), each time.
    """

    def __init__(self, clear: Callable[[], Awaitable[None]]) -> None:
        self._clear = clear
        self._line = trio.lowlevel.ParkingLot()
        self._taken = False  # somebody went through since the event loop last came round

    async def turn(self) -> None:
        """Waits until it is one's turn: a round at the least. Any task may call it."""
        if self._taken:
            await self._line.park()
        else:
            self._taken = True
            await trio.lowlevel.cancel_shielded_checkpoint()
        try:
            with trio.move_on_after(_PATIENCE_SECONDS):
                await self._clear()
        finally:  # also if cancelled: the next one is woken in the next round
            if self._line:
                self._line.unpark()
            else:
                self._taken = False
