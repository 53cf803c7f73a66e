"""Who goes next."""

import trio


class Turnstile:
    """Lets one through in each round of the event loop, in the order of coming.

    Hundreds of requests that come at once would all be worked on in the same rounds, and a message takes some rounds from its
    author to its readers: so long would each of them be that nobody's conversation would be one any more.
    """

    def __init__(self) -> None:
        self._line = trio.lowlevel.ParkingLot()
        self._taken = False  # somebody went through since the event loop last came round

    async def turn(self) -> None:
        """Waits until it is one's turn: a round at the least. Any task may call it."""
        if self._taken:
            await self._line.park()
        else:
            self._taken = True
            await trio.lowlevel.cancel_shielded_checkpoint()  # else nobody would let the next one through
        if self._line:
            self._line.unpark()  # who comes next is woken in the next round
        else:
            self._taken = False
