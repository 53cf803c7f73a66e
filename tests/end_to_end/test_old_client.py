"""A client of the first stage beside all that came later: frame by frame what the first stage's daemon sent it."""

import json
from contextlib import suppress
from pathlib import Path

import trio
from trio_websocket import ConnectionClosed

from tests.client import Person
from tests.end_to_end.old_client import RECORD, ROOM, OldClient, differences
from tests.process import running


async def test_old_client_hears_what_it_always_heard(tmp_path: Path, storage: dict[str, str]) -> None:
    expected = json.loads(RECORD.read_text())
    async with running(tmp_path, **storage) as daemon, trio.open_nursery() as nursery:
        client, news = OldClient(daemon), News()

        async def bring_in_news(*people: Person) -> None:
            for person in people:
                await nursery.start(news.use, person)

        await client.run(meanwhile=bring_in_news)
        nursery.cancel_scope.cancel()
    assert list(differences(expected, client.record)) == []
    assert news.answers > 4, "else there was little beside the old client"


def test_a_difference_is_one() -> None:
    expected = {"type": "ack", "ids": [{"id": 1}, {"id": 2}]}
    assert list(differences(expected, {**expected, "new": 1})) == []
    assert list(differences(expected, {"type": "ack", "ids": [{"id": 1}, {"id": 3}]})) == [".ids[1].id is 3, not 2"]
    assert list(differences(expected, {"type": "ack", "ids": [{"id": 1}]})) != []
    assert list(differences(expected, {"type": "ack"})) == [".ids is missing"]


class News:
    """All that the contract has gained since, used on second devices of the same people."""

    def __init__(self) -> None:
        self.answers = 0

    async def use(self, person: Person, *, task_status: trio.TaskStatus[None]) -> None:
        """Until the room is closed to this person."""
        async with person.talk(ROOM) as talk:
            await talk.receive("initial_state")
            await talk.send("listen_latest", after_id=0)
            task_status.started()
            with suppress(ConnectionClosed):
                while True:
                    message_id = (await talk.latest(1))[0]["message_id"]
                    await talk.send("fetch", from_id=1, to_id=message_id, request=f"up to {message_id}")
                    await talk.receive("fetch_response")
                    self.answers += 1
