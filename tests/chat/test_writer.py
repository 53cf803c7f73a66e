"""What the writer refuses before it is queued, and what it queues."""

from collections.abc import Awaitable, Callable, Sequence

import pytest

from reichatd.chat import PostLimits, Writer
from reichatd.chat.pending import Reply
from reichatd.chat.writer import BadDraft
from reichatd.disk_space import DiskSpace
from reichatd.errors import Forbidden, RateLimited, ReichatError, Unavailable
from reichatd.messaging import Draft
from reichatd.rights import Scope, UserActor
from reichatd.settings import LimitSettings, LiveSettings, MessageSettings, Settings
from reichatd.store import Change, Delete, Edit, Pin, Post, React, User

NOW = 1_000_000.0
ADA = UserActor("ada", "s1")
READER = UserActor("ada", "s1", scopes=frozenset({Scope.READ}))
PROGRAM = UserActor("ada", "s1", scopes=frozenset({Scope.READ, Scope.WRITE}))


class Queue:
    """Stands for the scribe."""

    def __init__(self) -> None:
        self.queued: list[Post | Change] = []

    async def post(self, post: Post, reply: Reply) -> None:
        self.queued.append(post)

    async def change(self, change: Change, reply: Reply, *, client: str) -> None:
        self.queued.append(change)


class NoReply:
    user = User("ada", "ada@example.org", "ada", "", 0.0)

    def expect(self) -> None: ...

    def accept(self, message_id: int, change_id: int | None, *, is_new: bool) -> None: ...

    def refuse(self, error: ReichatError) -> None: ...


class Desk:
    """A writer, and what it has queued."""

    def __init__(self, limits: LimitSettings | None = None, *, edit_hours: float = 24) -> None:
        messages = MessageSettings(edit_hours=edit_hours)
        settings = LiveSettings(Settings(limits=limits or LimitSettings(), messages=messages))
        self.disk = DiskSpace(settings, None)
        self._queue = Queue()
        self.queued = self._queue.queued
        self.writer = Writer(self._queue, settings, PostLimits(settings), self.disk, lambda: NOW)  # type: ignore[arg-type]

    async def post(self, content: str = "Hello", by: UserActor = ADA, **fields: object) -> None:
        await self.writer.post(by, "room", Draft(content, **fields), NoReply())  # type: ignore[arg-type]

    async def edit(self, content: str = "Hello", by: UserActor = ADA, mentions: Sequence[str] | None = None) -> None:
        await self.writer.edit(by, "room", 7, content, NoReply(), mentions=mentions)

    async def delete(self, *message_ids: int, by: UserActor = ADA) -> None:
        await self.writer.delete(by, "room", message_ids, NoReply())

    async def react(self, emoji: str = "👍", by: UserActor = ADA) -> None:
        await self.writer.react(by, "room", 7, emoji, NoReply(), is_set=True)

    async def pin(self, by: UserActor = ADA) -> None:
        await self.writer.pin(by, "room", 7, NoReply(), is_set=True)


@pytest.mark.parametrize(
    ("field", "call"),
    [
        ("content", lambda desk: desk.post("")),
        ("content", lambda desk: desk.post(" \n ")),
        ("content", lambda desk: desk.post("\u200b")),
        ("content", lambda desk: desk.post("x" * 5_001)),
        ("nonce", lambda desk: desk.post(nonce="")),
        ("nonce", lambda desk: desk.post(nonce="x" * 65)),
        ("mentions", lambda desk: desk.post(mentions=["1"] * (LimitSettings().mentions + 1))),
        ("content", lambda desk: desk.edit("")),
        ("content", lambda desk: desk.edit("\u200b")),
        ("mentions", lambda desk: desk.edit(mentions=["1"] * (LimitSettings().mentions + 1))),
        ("message_ids", lambda desk: desk.delete()),
        ("message_ids", lambda desk: desk.delete(*range(1, 102))),
        ("emoji", lambda desk: desk.react("ok")),
    ],
)
async def test_a_bad_draft(field: str, call: Callable[[Desk], Awaitable[None]]) -> None:
    desk = Desk()
    with pytest.raises(BadDraft) as caught:
        await call(desk)
    assert (caught.value.field, desk.queued) == (field, [])


def calls(desk: Desk, by: UserActor) -> list[Callable[[], Awaitable[None]]]:
    return [
        lambda: desk.post(by=by),
        lambda: desk.edit(by=by),
        lambda: desk.delete(7, by=by),
        lambda: desk.react(by=by),
        lambda: desk.pin(by),
    ]


async def test_a_token_that_may_only_read() -> None:
    desk = Desk()
    for call in calls(desk, READER):
        with pytest.raises(Forbidden, match="may only read"):
            await call()
    assert desk.queued == []


async def test_a_full_disk_refuses_new_text_only() -> None:
    desk = Desk()
    desk.disk.is_low = True
    post, edit, *others = calls(desk, ADA)
    for call in (post, edit):
        with pytest.raises(Unavailable, match="disk"):
            await call()
    for call in others:
        await call()
    assert [type(each) for each in desk.queued] == [Delete, React, Pin]


async def test_limits_of_posts_and_changes() -> None:
    desk = Desk(LimitSettings(messages_per_second=1, messages_burst=1, changes_per_minute=60, changes_burst=3))
    await desk.post()
    with pytest.raises(RateLimited, match="messages") as refused:
        await desk.post()
    assert 0 < refused.value.retry_after <= 1
    await desk.delete(1, 2, 2, 2)
    await desk.react()
    for call in calls(desk, ADA)[1:]:
        with pytest.raises(RateLimited, match="changes"):
            await call()
    assert [type(each) for each in desk.queued] == [Post, Delete, React]


async def test_the_text_of_edits_counts_as_posted() -> None:
    desk = Desk(LimitSettings(message_bytes_per_second=100, message_bytes_burst=1_000))
    await desk.edit("x" * 500)
    for call in (desk.edit, desk.post):
        with pytest.raises(RateLimited, match="text"):
            await call("x" * 500)


async def test_what_is_queued() -> None:
    desk = Desk()
    await desk.post("\n Hello @ada `@bob` \n", nonce="n", reply_to=-3)
    await desk.post("@ada", mentions=["7"], reply_to=3, mention_room=True)
    await desk.edit(" @carol ")
    await desk.delete(3, 1, 3, by=PROGRAM)
    await desk.pin(PROGRAM)
    plain, full, edit, delete, pin = desk.queued
    assert isinstance(plain, Post)
    assert (plain.content, plain.nonce, plain.reply_to, plain.mentions, plain.names) == (
        "Hello @ada `@bob`",
        "n",
        0,
        None,
        ("ada",),
    )
    assert isinstance(full, Post)
    assert (full.reply_to, full.mentions, full.names, full.mention_room) == (3, ("7",), (), True)
    assert isinstance(edit, Edit)
    assert (edit.content, edit.names, edit.mentions) == ("@carol", ("carol",), None)
    assert edit.since == NOW - 24 * 3600
    assert isinstance(delete, Delete)
    assert (delete.message_ids, delete.own_only) == ((3, 1), True)  # the token may not moderate
    assert isinstance(pin, Pin)
    assert pin.as_member


async def test_zero_hours_allow_edits_for_ever() -> None:
    desk = Desk(edit_hours=0)
    await desk.edit()
    (edit,) = desk.queued
    assert isinstance(edit, Edit)
    assert edit.since == 0
