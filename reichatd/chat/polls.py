"""Long polls: a page that is made when there is something to put into it."""

from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import NamedTuple
from weakref import WeakValueDictionary

import trio

from reichatd.chat import frames
from reichatd.chat.listener import Listener
from reichatd.chat.pages import Pages
from reichatd.errors import ReichatError
from reichatd.messaging import PageQuery
from reichatd.store import StoreError

_CAUGHT_UP = b'{"type":"caught_up"'


class PollSocket(Listener):
    """A long poll as the room sees its listeners: implements `reichatd.chat.Socket`. It takes everything, and sends nothing.

    Arguments:
        wake: called when there is a message or a change.
    """

    __slots__ = ("_wake", "has_news")

    has_pending = False

    def __init__(self, client: str, wake: Callable[[], None]) -> None:
        super().__init__(client)
        self.has_news = False
        self._wake = wake

    def try_send(self, data: bytes, ends: Sequence[int]) -> int:
        if not self.has_news and any(bytes(each[: len(_CAUGHT_UP)]) != _CAUGHT_UP for each in frames.payloads(data)):
            self.has_news = True
            self._wake()
        return len(ends)

    async def send(self, data: bytes) -> None:
        self.try_send(data, ())
        await trio.lowlevel.checkpoint()


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
    """One page that is read, or was. When `done` is set, there is the text or the failure, unless the reading was cancelled."""

    __slots__ = ("__weakref__", "done", "failure", "text")

    def __init__(self) -> None:
        self.done = trio.Event()
        self.text: bytes | None = None
        self.failure: ReichatError | StoreError | None = None


class SharedPages:
    """Pages for thousands of clients who wait for the same news: each is read and encoded once.

    A page is in memory while someone waits for it, and no longer: it may be changed or deleted.
    """

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._reads: WeakValueDictionary[PageKey, _Read] = WeakValueDictionary()

    async def read(self, key: PageKey) -> bytes:
        """The whole page; waits for the store. If the store fails, it has failed for all who wait: it is not asked for each.

        Raises:
            RoomNotFound, OtherLog, StoreError
        """
        while True:
            found = self._reads.get(key)
            if found is None:
                return await self._read(key)
            await found.done.wait()
            if found.failure is not None:
                raise found.failure.with_traceback(None)
            if found.text is not None:
                return found.text

    async def _read(self, key: PageKey) -> bytes:
        read = self._reads[key] = _Read()
        try:
            page = await self._pages.open(key.user_id, key.room_id, key.query)
            async with aclosing(page.pieces()) as pieces:
                read.text = b"".join([piece async for piece in pieces])
            return read.text
        except (ReichatError, StoreError) as error:
            read.failure = error
            raise
        finally:
            if read.text is None:
                del self._reads[key]  # the next one tries again
            read.done.set()
