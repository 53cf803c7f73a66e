"""What clients were told by daemons that may have died meanwhile, and whether the log still says the same."""

from typing import Any, NamedTuple

import trio
from trio_websocket import ConnectionClosed

from tests.client import Person, Talk


class Told(NamedTuple):
    """A message as somebody saw it."""

    user_id: str
    content: str


class History:
    """Of one room. Every content is unique in it: it is also the nonce."""

    def __init__(self, room_id: str) -> None:
        self.room_id = room_id
        self.posted: dict[str, Person] = {}  # content → author
        self.acknowledged: dict[str, int] = {}  # content → id
        self.refused: dict[str, str] = {}  # content → code
        self.seen: dict[int, Told] = {}
        self._posted_again: set[str] = set()

    async def write(self, person: Person, prefix: str, window: int = 10) -> None:
        """Posts as fast as acks allow, until the socket ends or the caller cancels."""
        try:
            async with person.talk(self.room_id) as talk:
                waiting: set[str] = set()
                while True:
                    while len(waiting) < window:
                        content = f"{prefix} {len(self.posted)}"
                        self.posted[content] = person
                        waiting.add(content)
                        await talk.send("message", content=content, nonce=content)
                    waiting.discard(self._note(await talk.receive()))
        except* ConnectionClosed:
            pass

    async def listen(self, person: Person, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Notes all that comes behind what was seen by now, until the socket ends; started when it has asked for that."""
        last_id = max(self.seen, default=0)
        try:
            async with person.talk(self.room_id) as talk:
                await talk.send("listen_latest", after_id=last_id)
                task_status.started()
                while True:
                    message = (await talk.receive("latest_message"))["message"]
                    assert message["message_id"] == last_id + 1
                    last_id += 1
                    self._note_seen(message)
        except* ConnectionClosed:
            pass

    def _note_seen(self, message: dict[str, Any]) -> None:
        told = Told(message["user_id"], message["content"])
        assert self.seen.setdefault(message["message_id"], told) == told

    def _note(self, frame: dict[str, Any]) -> str:
        """Notes an answer; the nonce that it is about."""
        nonce: str = frame.get("nonce", "")
        if frame["type"] == "ack":
            assert self.acknowledged.setdefault(nonce, frame["message_id"]) == frame["message_id"]
        elif frame["type"] == "error":
            self.refused[nonce] = frame["code"]
        return nonce

    async def check(self, reader: Person) -> list[Told]:
        """The log as it is now: without a gap, and all that anybody was told is in it."""
        async with reader.talk(self.room_id) as talk:
            log = await whole_log(talk)
        contents = [told.content for told in log]
        assert len(set(contents)) == len(contents)
        for told in log:
            assert self.posted[told.content].user_id == told.user_id
        for content, message_id in self.acknowledged.items():
            assert contents[message_id - 1] == content
        for message_id, told in self.seen.items():
            assert log[message_id - 1] == told
        return log

    async def post_all_again(self, log: list[Told]) -> None:
        """Sends anew what was not yet sent twice: what is in the log gets the id that it has there, what was lost a new one."""
        stored = {told.content: message_id for message_id, told in enumerate(log, 1)}
        for person in {person.user_id: person for person in self.posted.values()}.values():
            mine = [content for content in self.posted.keys() - self._posted_again if self.posted[content] is person]
            self._posted_again.update(mine)
            async with person.talk(self.room_id) as talk, trio.open_nursery() as nursery:
                nursery.start_soon(self._post, talk, mine)
                for _ in mine:
                    frame = await talk.receive("ack")
                    if frame["nonce"] in stored:
                        assert frame["message_id"] == stored[frame["nonce"]]
                    else:
                        assert frame["message_id"] > len(log)
                    self._note(frame)

    async def _post(self, talk: Talk, contents: list[str]) -> None:
        for content in contents:
            await talk.send("message", content=content, nonce=content)


async def whole_log(talk: Talk) -> list[Told]:
    """All messages of a room, whose ids must be 1, 2, 3, …"""
    log: list[Told] = []
    while page := await talk.fetch(len(log) + 1, len(log) + 1000):
        first = len(log) + 1
        assert [message["message_id"] for message in page] == list(range(first, first + len(page)))
        log += [Told(message["user_id"], message["content"]) for message in page]
    return log
