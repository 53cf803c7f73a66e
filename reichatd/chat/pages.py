"""Pages of a log as JSON, for programs that speak HTTP only. They are read from the store."""

from collections.abc import AsyncGenerator

import msgspec

from reichatd.chat import frames
from reichatd.errors import OtherLog, RoomNotFound
from reichatd.messaging import After, Before, Between, PageQuery
from reichatd.settings import LiveSettings
from reichatd.store import LogHead, Message, MessageStore, is_cut

_PORTION = 128
"""The most messages in one read."""
_CHARS_TOGETHER = 16 * 1024 * 1024
"""Characters that all pages together hold which are being sent: with many, each reads fewer messages at once."""
_LEAST_CHARS = 4096

_encoder = msgspec.json.Encoder()


class PageHead(msgspec.Struct):
    """A page without its messages: where the log begins and ends, and which messages were changed."""

    message: str
    last_id: int
    change_id: int
    log: str
    first_id: int | msgspec.UnsetType = msgspec.UNSET
    """Absent if it is 1."""
    changed: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET


class Pages:
    """Opens pages. All rooms share it, so that it knows how many are being sent."""

    def __init__(self, messages: MessageStore, settings: LiveSettings) -> None:
        self.sending = 0
        """How many pages are being sent."""
        self.messages = messages
        self.settings = settings

    @property
    def chars_at_once(self) -> int:
        """About how many characters of messages one page may read at once."""
        share = max(_LEAST_CHARS, _CHARS_TOGETHER // max(1, self.sending))
        return min(self.settings.limits.catch_up_bytes, share)

    async def open(self, user_id: str, room_id: str, query: PageQuery) -> "Page":
        """Reads where the log ends, and the first messages of a page.

        Raises:
            RoomNotFound, OtherLog, StoreError
        """
        head = await self.require_log(room_id, query.log)
        page = Page(self, user_id, room_id, head, query)
        await page.begin()
        return page

    async def require_log(self, room_id: str, log: str | None) -> LogHead:
        """Where a room's log ends.

        Arguments:
            log: see `PageQuery`.

        Raises:
            RoomNotFound, OtherLog, StoreError
        """
        head = await self.messages.head(room_id)
        if head is None:
            raise RoomNotFound
        if log is not None and log != head.token:
            raise OtherLog(head.token)
        return head


class Page:
    """One page while it is read and sent.

    The head of the changes is read before the messages: what changes meanwhile comes again in the next page.
    """

    def __init__(self, pages: Pages, user_id: str, room_id: str, head: LogHead, query: PageQuery) -> None:
        self._pages = pages
        self._user_id = user_id
        self._room_id = room_id
        self.head = head
        """Where the log ended before the page was read."""
        self._query = query
        first_id, last_id = _range(query.which, head)
        self._next_id = max(first_id, head.first_id)
        self._last_id = min(last_id, head.last_id)
        self._changed: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
        self._change_id = head.change_id
        self._first: list[bytes] = []
        self._reacted: list[int] = []  # messages with reactions

    @property
    def is_empty(self) -> bool:
        """Whether it has neither messages nor changes."""
        return not self._first and not self._changed and self._next_id > self._last_id

    async def begin(self) -> None:
        """Reads the changes, and the first messages. For `Pages`."""
        which = self._query.which
        if isinstance(which, After) and which.after_change is not None:
            await self._read_changes(which.after_change, which.after_id, which.limit)
        self._first = await self._read()

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The page as JSON, piece by piece; once. The caller closes it.

        Raises:
            StoreError: the JSON stays incomplete.
        """
        self._pages.sending += 1
        try:
            text, messages, separator = self._before(), self._first, b""
            self._first = []
            while True:
                if messages:
                    text += separator + b",".join(messages)
                    separator = b","
                if self._next_id > self._last_id:
                    break
                if text:
                    yield text
                text = b""
                messages = await self._read()
            yield text + await self._after()
        finally:
            self._pages.sending -= 1

    def _before(self) -> bytes:
        return _opening(self.head, self._change_id, self._changed)

    async def _after(self) -> bytes:
        if not self._query.mine:
            return b"]}"
        own = await self._pages.messages.own_reactions(self._user_id, self._room_id, self._reacted, self.head.key)
        return b'],"mine":%b}' % _encoder.encode({str(message_id): emojis for message_id, emojis in own.items()})

    async def _read_changes(self, after_change: int, last_id: int, limit: int) -> None:
        chars = self._pages.settings.limits.catch_up_bytes
        key = self.head.key
        changed = await self._pages.messages.changed(self._room_id, after_change, 1, last_id, limit, chars, key)
        self._changed = [msgspec.Raw(text) for text in self._as_json(changed)]
        if len(changed) == limit or is_cut(changed, chars):
            self._change_id = changed[-1].change_id
        elif changed:
            self._change_id = max(self._change_id, changed[-1].change_id)

    async def _read(self) -> list[bytes]:
        """The next messages; after the last of them, `_next_id` is beyond `_last_id`."""
        first_id, chars = self._next_id, self._pages.chars_at_once
        last_id = min(first_id + _PORTION - 1, self._last_id)
        if first_id > last_id:
            return []
        messages = await self._pages.messages.range(self._room_id, first_id, last_id, chars, self.head.key)
        if is_cut(messages, chars):
            last_id = messages[-1].message_id
            if isinstance(self._query.which, After):
                self._last_id = last_id  # the next page goes on from here
        self._next_id = last_id + 1
        return self._as_json(messages)

    def _as_json(self, messages: list[Message]) -> list[bytes]:
        self._reacted += [message.message_id for message in messages if message.extras.reactions]
        emails = self._pages.settings.whole.privacy.emails
        return [frames.as_json(message, emails) for message in messages]


def empty_page(head: LogHead, query: PageQuery) -> bytes:
    """A page without messages and changes.

    Arguments:
        head: ends with what the client has: it goes on from there.
    """
    has_changes = isinstance(query.which, After) and query.which.after_change is not None
    opening = _opening(head, head.change_id, [] if has_changes else msgspec.UNSET)
    return opening + (b'],"mine":{}}' if query.mine else b"]}")


def _opening(head: LogHead, change_id: int, changed: list[msgspec.Raw] | msgspec.UnsetType) -> bytes:
    """A page up to its first message."""
    first_id = head.first_id if head.first_id > 1 else msgspec.UNSET
    fields = PageHead("ok", head.last_id, change_id, head.token, first_id, changed)
    return _encoder.encode(fields)[:-1] + b',"messages":['


def _range(which: Between | Before | After, head: LogHead) -> tuple[int, int]:
    """The ids that are asked for, both included."""
    match which:
        case Between(first_id, last_id):
            return first_id, last_id
        case After(after_id, _, limit):
            first_id = max(after_id + 1, head.first_id)
            return first_id, first_id + limit - 1
        case Before(before_id, limit):
            last_id = head.last_id if before_id is None else min(before_id - 1, head.last_id)
            return last_id - limit + 1, last_id
