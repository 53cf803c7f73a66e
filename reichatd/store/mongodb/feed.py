"""The feed: tells what other daemons, and commands on the store itself, have changed. See `Store.follow`.

The server's change stream tells of the changes themselves, so nothing that is stored can fail to be told. It is read in a thread:
an answer may take a while.
"""

from collections.abc import Callable
from contextlib import suppress

import trio

from reichatd.repeated_event import RepeatedEvent
from reichatd.settings import MongoDBSettings
from reichatd.store.feed import Tell, Wants
from reichatd.store.mongodb.feed_buffer import FeedBuffer, portions
from reichatd.store.mongodb.feed_stream import ChangeReader
from reichatd.store.mongodb.server import MongoDatabase

_CLOSE_SECONDS = 1.0
"""How long a cancelled feed waits for its thread, which needs half of that, unless the server does not answer."""


class MongoFeed:
    """One call of `Store.follow`. All but the thread's work is done on the event loop.

    Arguments:
        db: the store's own database; the feed has a connection of its own.
    """

    def __init__(self, db: MongoDatabase, settings: MongoDBSettings, wants: Wants, tell: Tell) -> None:
        self._tell = tell
        self._opening_seconds = settings.timeout_seconds
        self._loop = trio.lowlevel.current_trio_token()
        self._buffer = FeedBuffer()
        self._news = RepeatedEvent()
        self._opened = trio.Event()
        self._ended = trio.Event()
        """Whether the thread has ended."""
        self._reader = ChangeReader(
            settings, db.where, db.by, wants, db.ends.advance, self._buffer, lambda: self._soon(self._news.set)
        )

    async def run(self, task_status: trio.TaskStatus[None]) -> None:
        """See `Store.follow`."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._read)
            nursery.start_soon(self._pass_on)
            with trio.move_on_after(self._opening_seconds):
                await self._opened.wait()
            task_status.started()

    async def _read(self) -> None:
        try:
            await trio.to_thread.run_sync(self._in_thread, abandon_on_cancel=True, limiter=trio.CapacityLimiter(1))
        finally:
            self._buffer.close()
            with trio.move_on_after(_CLOSE_SECONDS, shield=True):
                await self._ended.wait()

    async def _pass_on(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            for number, some in enumerate(portions(self._buffer.take())):
                if number:
                    await trio.lowlevel.checkpoint()
                self._tell(some)
                self._opened.set()  # that is what is told first

    def _in_thread(self) -> None:
        try:
            self._reader.run()
        finally:
            self._soon(self._ended.set)

    def _soon(self, call: Callable[[], None]) -> None:
        """Has the event loop call something, if it still runs. Called in the thread."""
        with suppress(trio.RunFinishedError):
            self._loop.run_sync_soon(call, idempotent=True)
