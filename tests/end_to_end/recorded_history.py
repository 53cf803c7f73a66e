"""Records what clients of one room see while daemons die and restart, and compares it with the log afterwards."""

from typing import Any, NamedTuple

import trio
from trio_websocket import ConnectionClosed

from tests.client import Person, Talk, id_range, message_ids

OUTAGE_SECONDS = 120.0
"""How long a listener waits for a message: meanwhile a killed database may start again, and be elected."""


class Seen(NamedTuple):
    """A message as a client received it."""

    user_id: str
    content: str


class RecordedHistory:
    """The history of one room. Every content is unique in it, and its own nonce."""

    def __init__(self, room_id: str) -> None:
        self.room_id = room_id
        self.posted: dict[str, Person] = {}  # content → author
        self.acknowledged: dict[str, int] = {}  # content → id
        self.refused: dict[str, str] = {}  # content → code
        self.seen: dict[int, Seen] = {}
        self._posted_again: set[str] = set()

    async def write(self, person: Person, prefix: str, window: int = 10) -> None:
        """Posts as fast as acks allow, until the socket ends or the caller cancels.

        Arguments:
            window: how many posts may wait for their ack.
        """
        try:
            async with person.talk(self.room_id) as talk:
                waiting: set[str] = set()
                while True:
                    while len(waiting) < window:
                        content = f"{prefix} {len(self.posted)}"
                        self.posted[content] = person
                        waiting.add(content)
                        await talk.send("message", content=content, nonce=content)
                    waiting.discard(self._record_answer(await talk.receive()))
        except* ConnectionClosed:
            pass

    async def listen(self, person: Person, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Records all messages after those seen so far, until the socket ends. Started when it has asked for them."""
        last_id = max(self.seen, default=0)
        try:
            async with person.talk(self.room_id) as talk:
                await talk.send("listen_latest", after_id=last_id)
                task_status.started()
                while True:
                    message = (await talk.receive_within(OUTAGE_SECONDS, "latest_message"))["message"]
                    assert message["message_id"] == last_id + 1
                    last_id += 1
                    self._record_message(message)
        except* ConnectionClosed:
            pass

    def _record_message(self, message: dict[str, Any]) -> None:
        seen = Seen(message["user_id"], message["content"])
        assert self.seen.setdefault(message["message_id"], seen) == seen

    def _record_answer(self, frame: dict[str, Any]) -> str:
        """Records an ack or an error; returns its nonce."""
        nonce: str = frame.get("nonce", "")
        if frame["type"] == "ack":
            assert self.acknowledged.setdefault(nonce, frame["message_id"]) == frame["message_id"]
        elif frame["type"] == "error":
            self.refused[nonce] = frame["code"]
        return nonce

    async def check(self, reader: Person) -> list[Seen]:
        """Returns the log. It must have no gap, and everything that was acknowledged or seen."""
        async with reader.talk(self.room_id) as talk:
            log = await whole_log(talk)
        contents = [each.content for each in log]
        assert len(set(contents)) == len(contents)
        for each in log:
            assert self.posted[each.content].user_id == each.user_id
        for content, message_id in self.acknowledged.items():
            assert contents[message_id - 1] == content
        for message_id, seen in self.seen.items():
            assert log[message_id - 1] == seen
        return log

    async def post_all_again(self, log: list[Seen]) -> None:
        """Repeats every post that was not repeated yet. A message in the log keeps its id; a lost one gets a new id.

        Arguments:
            log: as `check` returned it.
        """
        stored = {each.content: message_id for message_id, each in enumerate(log, 1)}
        for person in {person.user_id: person for person in self.posted.values()}.values():
            own = [content for content in self.posted.keys() - self._posted_again if self.posted[content] is person]
            self._posted_again.update(own)
            async with person.talk(self.room_id) as talk, trio.open_nursery() as nursery:
                nursery.start_soon(self._post, talk, own)
                for _ in own:
                    frame = await talk.receive("ack")
                    if frame["nonce"] in stored:
                        assert frame["message_id"] == stored[frame["nonce"]]
                    else:
                        assert frame["message_id"] > len(log)
                    self._record_answer(frame)

    async def check_and_post_again(self, one: Person, other: Person) -> None:
        """Checks the log, repeats all posts, and checks that every message is stored exactly once."""
        await self.post_all_again(await self.check(one))
        assert len(await self.check(other)) == len(self.posted)

    async def _post(self, talk: Talk, contents: list[str]) -> None:
        for content in contents:
            await talk.send("message", content=content, nonce=content)


async def whole_log(talk: Talk) -> list[Seen]:
    """Returns all messages of a room, whose ids must be 1, 2, 3, …"""
    log: list[Seen] = []
    while page := await talk.fetch(len(log) + 1, len(log) + 1000):
        assert message_ids(page) == id_range(len(log) + 1, len(log) + len(page))
        log += [Seen(message["user_id"], message["content"]) for message in page]
    return log
