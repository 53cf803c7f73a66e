"""How many commits, encodings and sends a message takes, with the real scribe, hub and room."""

from collections.abc import Sequence

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from reichatd.chat import CommitStatus, frames
from reichatd.chat.hub import Hub
from reichatd.chat.scribe import Scribe
from reichatd.settings import EmailVisibility, LimitSettings, LiveSettings, Settings
from reichatd.store import Message
from tests.chat.doubles import FakeMessages, FakeSocket, connect, post

READERS = 500
POSTS = 50


class Rounds(FakeSocket):
    """Records the data of each call."""

    def __init__(self) -> None:
        super().__init__()
        self.handed: list[bytes] = []

    def try_send(self, data: bytes, ends: Sequence[int]) -> int:
        self.handed.append(data)
        return super().try_send(data, ends)


async def test_many_posts_are_one_commit_one_encoding_each_and_one_send_a_reader(
    autojump_clock: MockClock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, messages = LiveSettings(Settings(limits=LimitSettings(sockets_per_user=0))), FakeMessages(last_id=100)
    commits = CommitStatus()
    hub = Hub(messages, settings, commits)
    scribe = Scribe(messages, hub, settings, commits)
    await nursery.start(hub.run)
    await nursery.start(scribe.run)
    connections = [connect(Rounds()) for _ in range(READERS)]
    for connection in connections:
        room = await hub.enter("room", connection)
        room.listen(connection, 101)
    messages.reads.clear()
    encoded: list[int] = []
    as_json = frames.as_json

    def counting(message: Message, emails: EmailVisibility) -> bytes:
        encoded.append(message.message_id)
        return as_json(message, emails)

    monkeypatch.setattr(frames, "as_json", counting)

    author = connections[0]
    await post(scribe, hub, author, "first")
    await wait_all_tasks_blocked()  # its commit is in progress
    for _ in range(POSTS):
        await post(scribe, hub, author, "text")
    await scribe.drained()
    await wait_all_tasks_blocked()

    everything = list(range(101, 102 + POSTS))
    assert messages.commits == [1, POSTS]
    assert encoded == everything
    assert messages.reads == []
    first = author.socket
    assert isinstance(first, Rounds)
    for connection in connections:
        socket = connection.socket
        assert isinstance(socket, Rounds)
        assert socket.try_sends == [1, POSTS]
        assert all(ours is theirs for ours, theirs in zip(socket.handed, first.handed, strict=True)), (
            "made once for all"
        )
    assert first.ids == everything
    nursery.cancel_scope.cancel()
