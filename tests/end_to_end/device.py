"""Devices that write into a room at random, and follow it through connections that come and go."""

import json
import random
from collections.abc import Sequence
from functools import partial

import trio

from tests.client import Person, Talk, id_range
from tests.held_room import Frame, HeldRoom

EMOJIS = ("👍", "🎉", "❤️")
WINDOW = 10
"""How many posts and changes of one device may wait for their answers."""
SECONDS = 60.0
"""How long answers and agreement may take beside other tests; alone they take a fraction of a second."""
RECENT = 40
"""Messages that are changed: of the newest ones that a device holds."""
_PAUSES = (0.0, 0.0, 0.0, 0.005, 0.02)


class Device:
    """One program of one user, in one room. It repeats posts and changes in each new connection, until they are answered.

    Arguments:
        name: unique in the room.
        knows_changes: False for an old client: it posts, and reads, but changes nothing.
    """

    patience = SECONDS
    """For how many seconds it waits for an answer."""

    def __init__(self, name: str, person: Person, room_id: str, dice: random.Random, *, knows_changes: bool) -> None:
        self.name = name
        self.person = person
        self._dice = dice
        self._reading_dice = random.Random(dice.random())  # what is sent does not depend on what is received
        self.held = HeldRoom(knows_changes=knows_changes, dice=self._reading_dice)
        self.dawdles = True
        """Whether it stops reading now and then, as clients do."""
        self.room_id = room_id
        self._count = 0
        self._waiting: dict[str, Frame] = {}  # by nonce
        self._answered = trio.Condition()

    async def visit(
        self,
        steps: float,
        *,
        drops: float = 0.0,
        stays: bool = False,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """One connection: repeats what was not answered, and sends more.

        Arguments:
            steps: how many frames it sends.
            drops: how probable it is that the connection reads slowly, and ends without a close frame.
            stays: whether it stays until the caller cancels. Started when everything is answered.
        """
        opened = self.person.slow_talk if self._dice.random() < drops else self.person.talk
        async with opened(self.room_id) as talk, trio.open_nursery() as nursery:
            self.held.connected()
            nursery.start_soon(self._read, talk)
            for frame in list(self._waiting.values()):
                await talk.send(**frame)
            while steps > 0:
                steps -= 1
                await self._step(talk)
            if stays:
                await self._answered_up_to(0)
                task_status.started()
                await trio.sleep_forever()
            nursery.cancel_scope.cancel()

    def sent(self, frame: Frame) -> None:
        """A post or a change is about to be sent for the first time."""

    def acknowledged(self, frame: Frame, ack: Frame) -> None:
        """A post or a change is acknowledged."""

    async def _read(self, talk: Talk) -> None:
        while True:
            frame = json.loads(await talk.websocket.get_message())
            if (answer := self.held.take(frame)) is not None:
                await talk.send(**answer)
            if frame["type"] in ("ack", "error"):
                await self._take_answer(frame)
            if self.dawdles and self._reading_dice.random() < 0.02:
                await trio.sleep(0.1)  # the others go on meanwhile

    async def _take_answer(self, answer: Frame) -> None:
        frame = self._waiting.pop(answer["nonce"], None)
        if answer["type"] == "error":
            # A change that the store has not taken is given up: repeated, it could come after a later one, and undo it.
            is_given_up = answer["code"] == "unavailable" and frame is not None and frame["type"] != "message"
            assert is_given_up or answer["code"] == "message_deleted", answer
        elif frame is not None:
            self.acknowledged(frame, answer)
        async with self._answered:
            self._answered.notify_all()

    async def _answered_up_to(self, count: int) -> None:
        with trio.fail_after(self.patience):
            async with self._answered:
                while len(self._waiting) > count:
                    await self._answered.wait()

    async def _step(self, talk: Talk) -> None:
        await trio.sleep(self._dice.choice(_PAUSES))
        await self._answered_up_to(WINDOW)
        frame = self._draw()
        if frame["type"] != "fetch":
            self._count += 1
            frame["nonce"] = f"{self.name} {self._count}"
            self._waiting[frame["nonce"]] = frame
            self.sent(frame)
        await talk.send(**frame)

    def _draw(self) -> Frame:
        dice, held = self._dice, self.held.messages
        recent = sorted(held)[-RECENT:]
        own = [
            number
            for number in recent
            if held[number]["user_id"] == self.person.user_id and "deleted" not in held[number]
        ]
        chance = dice.random()
        if recent and chance < 0.1:
            return self._fetch(recent)
        if not own or not self.held.knows_changes or chance < 0.45:
            content = f"{self.name} {self._count}" + " and more" * dice.choice([0, 0, 40])
            return {"type": "message", "content": content}
        if chance < 0.65:
            return {"type": "edit", "message_id": dice.choice(own), "content": f"{self.name} edits {self._count}"}
        if chance < 0.7:
            return {"type": "delete", "message_ids": dice.sample(own, min(len(own), 2))}
        if chance < 0.95:
            kind = "react" if dice.random() < 0.7 else "unreact"
            return {"type": kind, "message_id": dice.choice(recent), "emoji": dice.choice(EMOJIS)}
        return {"type": dice.choice(["pin", "unpin"]), "message_id": dice.choice(recent)}

    def _fetch(self, recent: list[int]) -> Frame:
        if self.held.knows_changes and self._dice.random() < 0.5:
            return {"type": "fetch", "ids": self._dice.sample(recent, min(3, len(recent)))}
        first = min(self.held.messages)  # the messages before it, too, are held from now on
        return {"type": "fetch", "from_id": max(1, first - 5), "to_id": first - 1 + self._dice.choice([0, 4])}


async def agreement_at_rest(devices: Sequence[Device], reader: Person, room_id: str, steps: int) -> dict[int, Frame]:
    """Connects all devices once more; returns as `agreement`.

    Arguments:
        steps: how many frames each of them sends before it rests.
    """
    async with trio.open_nursery() as nursery:
        async with trio.open_nursery() as starting:
            for device in devices:
                starting.start_soon(nursery.start, partial(device.visit, steps, stays=True))
        stored = await agreement(devices, reader, room_id)
        nursery.cancel_scope.cancel()
    return stored


async def agreement(devices: Sequence[Device], reader: Person, room_id: str) -> dict[int, Frame]:
    """Waits until all devices agree with the store, which they must when nothing happens any more; returns its messages by id."""
    found = ["nothing was compared"]
    with trio.move_on_after(SECONDS):
        while True:
            stored, head = await stored_messages(reader, room_id)
            found = [f"{each.name}: {one}" for each in devices for one in each.held.differences(stored, head)]
            if not found:
                check_numbers(stored, head)
                return stored
            await trio.sleep(0.05)
    raise AssertionError(found)


async def stored_messages(reader: Person, room_id: str) -> tuple[dict[int, Frame], int]:
    """All messages of a room by id, and the head of its changes."""
    stored: dict[int, Frame] = {}
    while True:
        first = max(stored, default=0) + 1
        page = await reader.call("GET", f"/room/{room_id}/messages?from_id={first}&to_id={first + 999}")
        if not page["messages"]:
            return stored, page["change_id"]
        stored |= {each["message_id"]: each for each in page["messages"]}


def check_numbers(stored: dict[int, Frame], head: int) -> None:
    """Asserts that the ids of messages have no gap, and that no two have the same change id, of which the head is the greatest."""
    assert list(stored) == id_range(1, len(stored))
    numbers = [each["change_id"] for each in stored.values() if "change_id" in each]
    assert len(set(numbers)) == len(numbers)
    assert max(numbers, default=0) == head
