"""Devices that write steadily and keep their connection through faults, and note when they heard what."""

import random
from collections.abc import Sequence

import trio
from trio_websocket import ConnectionClosed

from tests.client import Person, Talk
from tests.end_to_end.acknowledged_changes import Promises, RecordedDevice
from tests.held_room import Frame, HeldRoom

_PAUSE_SECONDS = 0.05
"""Between two frames of one device, and before it posts again what was refused."""


class TimedRoom(HeldRoom):
    """Knows when each message came, and from whom."""

    def __init__(self, *, knows_changes: bool, dice: random.Random) -> None:
        super().__init__(knows_changes=knows_changes, dice=dice)
        self.heard: list[tuple[float, str]] = []

    def take(self, frame: Frame) -> Frame | None:
        answer = super().take(frame)
        if frame["type"] == "latest_message":
            self.heard.append((trio.current_time(), frame["message"]["user_id"]))
        return answer


class LastingDevice(RecordedDevice):
    """A device in one connection; if that ends, it goes on at another daemon. A refused post is repeated until it is stored.

    Arguments:
        urls: of other daemons, by turns.
        promises: gets what is acknowledged to it.
    """

    patience = 400.0

    def __init__(
        self, person: Person, room_id: str, *, urls: Sequence[str], knows_changes: bool, promises: Promises
    ) -> None:
        dice = random.Random(person.name)
        super().__init__(person.name, person, room_id, dice, knows_changes=knows_changes, promises=promises)
        self.held: TimedRoom = TimedRoom(knows_changes=knows_changes, dice=random.Random(person.name))
        self.ack_times: list[float] = []
        """When each post was acknowledged."""
        self.refused = 0
        """How many posts and changes were answered with "unavailable"."""
        self.connections = 0
        self._urls = list(urls)
        self._is_stopping = False
        self._stopped = trio.Event()
        self._nursery: trio.Nursery
        self._talk: Talk

    async def run(self) -> None:
        """Writes until `stop`, then listens until cancelled."""
        while True:
            try:
                await self._stay()
            except* (ConnectionClosed, OSError):
                self._urls.append(self._urls.pop(0))
                self.person.url = self._urls[0]
                await trio.sleep(_PAUSE_SECONDS)

    async def _stay(self) -> None:
        async with self.person.talk(self.room_id) as talk, trio.open_nursery() as nursery:
            self._talk, self._nursery = talk, nursery
            self.connections += 1
            self.held.connected()
            nursery.start_soon(self._read, talk)
            for frame in list(self._waiting.values()):
                await talk.send(**frame)
            while not self._is_stopping:
                await trio.sleep(_PAUSE_SECONDS)
                await self._step(talk)
            self._stopped.set()
            await trio.sleep_forever()

    async def stop(self) -> None:
        """Returns when it writes no more and everything is answered."""
        self._is_stopping = True
        await self._stopped.wait()
        await self._answered_up_to(0)

    def acknowledged(self, frame: Frame, ack: Frame) -> None:
        super().acknowledged(frame, ack)
        if frame["type"] == "message":
            self.ack_times.append(trio.current_time())

    async def _take_answer(self, answer: Frame) -> None:
        if answer["type"] == "error" and answer["code"] == "unavailable":
            self.refused += 1
            if "nonce" not in answer:  # it answers a fetch, which is not needed for what is checked
                return
            if self._waiting[answer["nonce"]]["type"] == "message":
                self._nursery.start_soon(self._repeat, answer["nonce"])
                return
        await super()._take_answer(answer)

    async def _repeat(self, nonce: str) -> None:
        await trio.sleep(_PAUSE_SECONDS)
        if nonce in self._waiting:
            await self._talk.send(**self._waiting[nonce])
