"""The conversation by REST: implements `reichatd.messaging.Messaging`."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager

from reichatd.chat import frames
from reichatd.chat.awaited_reply import Accepted, AwaitedPost, AwaitedReply
from reichatd.chat.followers import Followers
from reichatd.chat.hub import Hub
from reichatd.chat.pages import Pages
from reichatd.chat.read_marks import MarkReader
from reichatd.chat.readers import require_reader
from reichatd.chat.scribe import Scribe
from reichatd.chat.writer import BadDraft, Writer, check_emoji
from reichatd.errors import FieldProblem, Malformed, MessageNotFound
from reichatd.messaging import After, Caller, Draft, Later, PageQuery, Posted
from reichatd.settings import LiveSettings
from reichatd.store import LogHead, MessageStore, Reactor


class RestConversation:
    """What REST calls do in rooms. One object serves all calls.

    Arguments:
        hub: knows those who follow.
        messages: of these, the calls that read; `writer` writes.
    """

    def __init__(
        self,
        *,
        hub: Hub,
        messages: MessageStore,
        marks: MarkReader,
        scribe: Scribe,
        settings: LiveSettings,
        writer: Writer,
    ) -> None:
        self._hub = hub
        self._messages = messages
        self._marks = marks
        self._scribe = scribe
        self._settings = settings
        self._writer = writer
        self._pages = Pages(messages, settings)
        self._followers = Followers(hub=hub, marks=marks, pages=self._pages, settings=settings)

    @property
    def endings(self) -> int:
        return self._hub.endings

    # --- writing

    async def post(self, by: Caller, room_id: str, draft: Draft) -> Posted:
        reply = AwaitedPost(by.identity.user)
        with _bad_fields():
            await self._writer.post(by.actor, room_id, draft, reply)
        accepted = await reply.outcome()
        return Posted(accepted.message_id, accepted.is_new)

    async def edit(
        self,
        by: Caller,
        room_id: str,
        message_id: int,
        content: str,
        *,
        mentions: Sequence[str] | None = None,
        if_change: int | None = None,
    ) -> int:
        reply = AwaitedReply()
        with _bad_fields():
            await self._writer.edit(
                by.actor, room_id, message_id, content, reply, mentions=mentions, if_change=if_change
            )
        return _change_id(await reply.outcome())

    async def delete(self, by: Caller, room_id: str, message_id: int) -> int:
        reply = AwaitedReply()
        await self._writer.delete(by.actor, room_id, [message_id], reply)
        return _change_id(await reply.outcome())

    async def react(self, by: Caller, room_id: str, message_id: int, emoji: str, *, is_set: bool) -> int:
        reply = AwaitedReply()
        with _bad_fields():
            await self._writer.react(by.actor, room_id, message_id, emoji, reply, is_set=is_set)
        return _change_id(await reply.outcome())

    async def pin(self, by: Caller, room_id: str, message_id: int, *, is_set: bool) -> int:
        reply = AwaitedReply()
        await self._writer.pin(by.actor, room_id, message_id, reply, is_set=is_set)
        return _change_id(await reply.outcome())

    async def mark_read(self, by: Caller, room_id: str, message_id: int) -> None:
        await self._require_member(by, room_id)
        self._scribe.mark_read(room_id, by.actor.user_id, message_id)
        await self._scribe.mark_written(room_id, by.actor.user_id)

    # --- reading

    async def pins(self, by: Caller, room_id: str) -> bytes:
        await self._require_member(by, room_id)
        pinned = await self._messages.pinned(room_id)
        return b"[%b]" % b",".join(frames.as_json(message, self._settings.whole.privacy.emails) for message in pinned)

    async def reactors(
        self, by: Caller, room_id: str, message_id: int, emoji: str, after: str, at_most: int
    ) -> list[Reactor]:
        with _bad_fields():
            check_emoji(emoji)
        await self._require_member(by, room_id)
        found = await self._messages.reactors(room_id, message_id, emoji, after, at_most)
        if not found and not await self._messages.by_ids(room_id, [message_id]):
            raise MessageNotFound
        return found

    async def page(self, by: Caller, room_id: str, query: PageQuery) -> AsyncGenerator[bytes]:
        await self._require_member(by, room_id)
        return (await self._pages.open(by.actor.user_id, room_id, query)).pieces()

    async def poll(self, by: Caller, room_id: str, query: PageQuery, seconds: float) -> AsyncGenerator[bytes] | Later:
        await self._require_member(by, room_id)
        which = query.which
        assert isinstance(which, After)
        head = self._quiet_head(room_id, query, which)
        if head is None:
            page = await self._pages.open(by.actor.user_id, room_id, query)
            if not page.is_empty:
                return page.pieces()
            head = page.head
        return self._followers.poll(by, room_id, query, seconds, head)

    async def follow(
        self, by: Caller, room_id: str, after_id: int | None, after_change: int | None, log: str | None
    ) -> Later:
        await self._require_member(by, room_id)
        if log is not None:
            await self._pages.require_log(room_id, log)
        return self._followers.follow(by, room_id, after_id, after_change)

    def _quiet_head(self, room_id: str, query: PageQuery, which: After) -> LogHead | None:
        """Where a live room's log ends if it has nothing new: so thousands who wait for its news need not read the store."""
        room = self._hub.live(room_id)
        if (
            room is not None
            and query.log in (None, room.token)
            and which.after_id >= room.last_id
            and (which.after_change is None or which.after_change >= room.change_id)
        ):
            return LogHead(room.first_id, room.last_id, room.change_id, room.token)
        return None

    async def _require_member(self, by: Caller, room_id: str) -> None:
        await require_reader(self._marks, self._messages, by.actor, room_id)


def _change_id(accepted: Accepted) -> int:
    return accepted.change_id or 0


@contextmanager
def _bad_fields() -> Iterator[None]:
    """Raises Malformed for a field that is wrong."""
    try:
        yield
    except BadDraft as error:
        raise Malformed(error.problem, [FieldProblem(error.field, error.problem)]) from None
