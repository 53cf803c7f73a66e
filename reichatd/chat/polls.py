"""Long polls: a page that is made when there is something to put into it."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import NamedTuple

import trio

from reichatd.chat import frames
from reichatd.chat.pages import Pages
from reichatd.messaging import PageQuery

_KEPT = 64
"""Pages that are kept for others who ask for the same, each of up to some 100 KB."""
_CAUGHT_UP = b'{"type":"caught_up"'


class PollSocket:
    """A long poll as the room sees its listeners: implements `reichatd.chat.Socket`. It takes everything, and sends nothing.

    Arguments:
        wake: called when there is a message or a change.
    """

    __slots__ = ("_wake", "client", "has_news")

    has_pending = False

    def __init__(self, client: str, wake: Callable[[], None]) -> None:
        self.client = client
        self.has_news = False
        self._wake = wake

    def authenticated(self) -> None: ...

    def try_send(self, data: bytes, ends: Sequence[int]) -> int:
        if not self.has_news and any(bytes(each[: len(_CAUGHT_UP)]) != _CAUGHT_UP for each in frames.payloads(data)):
            self.has_news = True
            self._wake()
        return len(ends)

    async def send(self, data: bytes) -> None:
        self.try_send(data, ())
        await trio.lowlevel.checkpoint()

    def unbroken(self) -> AbstractAsyncContextManager[Callable[[bytes], Awaitable[None]]]:
        raise NotImplementedError  # only replies need it, and there are none

    async def receive(self) -> str | bytes:
        raise NotImplementedError

    @property
    def heard_at(self) -> float:
        return trio.current_time()  # a poll is short

    async def close(self, code: int, reason: str) -> None:
        raise NotImplementedError


class PageKey(NamedTuple):
    """What a page depends on: two with the same key are the same.

    Arguments:
        user_id: "" if the page is the same for all users.
        token, last_id, change_id: of the room.
        changes: `Hub.changes`.
    """

    room_id: str
    token: str
    user_id: str
    query: PageQuery
    last_id: int
    change_id: int
    changes: int


class _Read:
    """One page that is read, or was: the text is there when `done` is set, unless the read failed."""

    __slots__ = ("done", "text")

    def __init__(self) -> None:
        self.done = trio.Event()
        self.text: bytes | None = None


class SharedPages:
    """Pages for thousands of clients who wait for the same news: each is read and encoded once."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._reads: OrderedDict[PageKey, _Read] = OrderedDict()

    async def read(self, key: PageKey) -> bytes:
        """The whole page; waits for the store.

        Raises:
            RoomNotFound, OtherLog, StoreError
        """
        while True:
            found = self._reads.get(key)
            if found is None:
                return await self._read(key)
            await found.done.wait()
            if found.text is not None:
                return found.text

    async def _read(self, key: PageKey) -> bytes:
        read = self._reads[key] = _Read()
        if len(self._reads) > _KEPT:
            self._reads.popitem(last=False)
        try:
            page = await self._pages.open(key.user_id, key.room_id, key.query)
            async with aclosing(page.pieces()) as pieces:
                read.text = b"".join([piece async for piece in pieces])
            return read.text
        finally:
            if read.text is None and self._reads.get(key) is read:
                del self._reads[key]
            read.done.set()
