"""What users post and change, on sockets and by REST: checked here, then queued for the next group commit.

Whether the store takes it is decided in the commit (`reichatd.store.posting`, `reichatd.store.changing`).
"""

import time
from collections.abc import Callable, Sequence

import trio

from reichatd import rights
from reichatd.chat.content import trimmed
from reichatd.chat.emojis import is_emoji
from reichatd.chat.mentions import names_in
from reichatd.chat.pending import PostReply, Reply
from reichatd.chat.post_limits import PostLimits, PostRefusal
from reichatd.chat.scribe import Scribe
from reichatd.disk_space import DiskSpace
from reichatd.errors import Forbidden, RateLimited, Unavailable
from reichatd.messaging import Draft
from reichatd.rights import Scope, UserActor
from reichatd.settings import LimitSettings, LiveSettings
from reichatd.store import Change, Delete, Edit, Pin, Post, React
from reichatd.text import is_blank

READ_ONLY = 'This token may only read: it has no scope "write"'

_HOUR = 3600.0


class BadDraft(Exception):
    """What a client wants to post or change is not valid.

    Arguments:
        field: the field that is wrong.
        problem: what is wrong with it, in words for a person.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field
        self.problem = problem


class Writer:
    """Writes into the rooms for users. Any task may call it.

    All methods but `check_nonce` return when the request is queued, and wait only while the queue is full; the reply gets the
    outcome. They raise, before anything is queued:

        BadDraft
        Forbidden: the token of the user may only read.
        RateLimited: with `retry_after`.
        Unavailable: the disk is almost full.

    Arguments:
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        scribe: Scribe,
        settings: LiveSettings,
        limits: PostLimits,
        disk_space: DiskSpace,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._scribe = scribe
        self._settings = settings
        self._post_limits = limits
        self._disk_space = disk_space
        self._clock = clock

    async def post(self, by: UserActor, room_id: str, draft: Draft, reply: PostReply) -> None:
        """Posts a message."""
        limits = self._settings.limits
        content = _content(draft.content, limits)
        self.check_nonce(draft.nonce)
        if draft.mentions is not None:
            _check_mentions(draft.mentions, limits)
        self._require_write(by)
        refusal = self._post_limits.take(by.user_id, content, trio.current_time(), client=by.client)
        if refusal is not None:
            raise _rate_limited(refusal)
        self._require_space()
        post = Post(
            room_id,
            by.user_id,
            content,
            self._clock(),
            draft.nonce,
            max(0, draft.reply_to or 0),
            None if draft.mentions is None else tuple(draft.mentions),
            names_in(content, limits.mentions_by_name) if draft.mentions is None else (),
            draft.mention_room,
            limits.room_mention_members,
            limits.mentions_by_name,
        )
        await self._scribe.post(post, reply)

    async def edit(
        self,
        by: UserActor,
        room_id: str,
        message_id: int,
        content: str,
        reply: Reply,
        *,
        mentions: Sequence[str] | None = None,
        if_change: int | None = None,
    ) -> None:
        """Gives a message a new content."""
        limits, now = self._settings.limits, self._clock()
        content = _content(content, limits)
        if mentions is not None:
            _check_mentions(mentions, limits)
        hours = self._settings.whole.messages.edit_hours
        edit = Edit(
            room_id,
            by.user_id,
            message_id,
            content,
            now,
            now - hours * _HOUR if hours else 0.0,
            if_change,
            None if mentions is None else tuple(mentions),
            names_in(content, limits.mentions_by_name) if mentions is None else (),
            limits.mentions_by_name,
        )
        self._require_space()
        await self._change(by, edit, reply, text=content)

    async def delete(self, by: UserActor, room_id: str, message_ids: Sequence[int], reply: Reply) -> None:
        """Deletes messages. A full disk does not keep anyone from it."""
        at_most = self._settings.limits.deletes
        if not 1 <= len(message_ids) <= at_most:
            raise BadDraft("message_ids", f"1 to {at_most} messages can be deleted at once")
        own_only = not rights.may(by, Scope.MODERATE)
        change = Delete(room_id, by.user_id, tuple(dict.fromkeys(message_ids)), self._clock(), own_only)
        await self._change(by, change, reply, count=len(change.message_ids))

    async def react(
        self, by: UserActor, room_id: str, message_id: int, emoji: str, reply: Reply, *, is_set: bool
    ) -> None:
        """Adds a reaction, or takes it back."""
        check_emoji(emoji)
        limits = self._settings.limits
        change = React(
            room_id,
            by.user_id,
            message_id,
            emoji,
            is_set,
            self._clock(),
            limits.reactions_per_message,
            limits.reactions_per_user,
            limits.reactions_shown_users,
        )
        await self._change(by, change, reply)

    async def pin(self, by: UserActor, room_id: str, message_id: int, reply: Reply, *, is_set: bool) -> None:
        """Pins a message, or takes the pin off."""
        as_member = not rights.may(by, Scope.MODERATE)
        change = Pin(room_id, by.user_id, message_id, is_set, self._clock(), self._settings.limits.pins, as_member)
        await self._change(by, change, reply)

    def check_nonce(self, nonce: str | None) -> None:
        """Raises BadDraft if this is no valid nonce."""
        limit = self._settings.limits.nonce_chars
        if nonce is not None and not 1 <= len(nonce) <= limit:
            raise BadDraft("nonce", f"A nonce has 1 to {limit} characters")

    async def _change(self, by: UserActor, change: Change, reply: Reply, *, text: str = "", count: int = 1) -> None:
        self._require_write(by)
        now = trio.current_time()
        refusal = self._post_limits.take_changes(by.user_id, count, text, now, client=by.client)
        if refusal is not None:
            raise _rate_limited(refusal)
        await self._scribe.change(change, reply, client=by.client)

    def _require_write(self, by: UserActor) -> None:
        if not rights.may(by, Scope.WRITE):
            raise Forbidden(READ_ONLY)

    def _require_space(self) -> None:
        if self._disk_space.refuses():
            raise Unavailable("The server's disk is almost full; try again later")


def check_emoji(text: str) -> None:
    """Raises BadDraft if this is not one emoji."""
    if not is_emoji(text):
        raise BadDraft("emoji", "This is not one emoji")


def _content(text: str, limits: LimitSettings) -> str:
    content = trimmed(text)
    if not 1 <= len(content) <= limits.message_chars:
        raise BadDraft("content", f"A message has 1 to {limits.message_chars} characters")
    if is_blank(content):
        raise BadDraft("content", "There is nothing to see in this message")
    return content


def _check_mentions(mentions: Sequence[str], limits: LimitSettings) -> None:
    if len(mentions) > limits.mentions:
        raise BadDraft("mentions", f"A message mentions at most {limits.mentions} users")


def _rate_limited(refusal: PostRefusal) -> RateLimited:
    return RateLimited(refusal.message, retry_after=round(refusal.retry_after + 0.0005, 3))
