"""Follows a store in tests, by way of a gate that can be shut."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Self

import trio

from reichatd.repeated_event import RepeatedEvent
from reichatd.settings import MongoDBSettings
from reichatd.store import Message, Store
from reichatd.store.feed import FeedEvent, MessagesPosted, Wants

_SECONDS = 90.0


class Listener:
    """Keeps the events of a feed."""

    def __init__(self) -> None:
        self.events: list[FeedEvent] = []
        self._news = RepeatedEvent()

    def tell(self, events: Sequence[FeedEvent]) -> None:
        self.events += events
        self._news.notify_all()

    async def until(self, condition: Callable[[Self], bool]) -> None:
        with trio.fail_after(_SECONDS):
            while not condition(self):
                await self._news.wait()

    async def event(self, event: FeedEvent) -> None:
        await self.until(lambda self: event in self.events)

    @property
    def messages(self) -> list[Message]:
        return [message for event in self.events if isinstance(event, MessagesPosted) for message in event.messages]

    async def messages_up_to(self, message_id: int) -> list[Message]:
        """Waits for a message; returns all that were told."""
        await self.until(lambda self: any(message.message_id == message_id for message in self.messages))
        return self.messages


@asynccontextmanager
async def following(store: Store, wants: Wants = lambda log_key: True) -> AsyncIterator[Listener]:
    """Follows a store, from the moment on in which the block begins."""
    listener = Listener()
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(store.follow, wants, listener.tell))
        yield listener
        nursery.cancel_scope.cancel()


class Gate:
    """A way to a server, which a test can shut: then all connections are closed, and there are no new ones.

    While it is held, connections stay open, and nothing comes through.
    """

    def __init__(self, settings: MongoDBSettings) -> None:
        self._settings = settings
        self._server = int(settings.uri.partition("/?")[0].rpartition(":")[2])
        self._is_open = True
        self._flows = trio.Event()
        self._flows.set()
        self._passing: set[trio.CancelScope] = set()
        self.port = 0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listener.socket.getsockname()[1]
        task_status.started()  # it listens
        await trio.serve_listeners(self._pass, [listener])

    @property
    def settings(self) -> MongoDBSettings:
        """Those of the server, by way of the gate."""
        uri = f"mongodb://127.0.0.1:{self.port}/?directConnection=true"
        return MongoDBSettings(uri=uri, database=self._settings.database, timeout_seconds=30.0)

    def hold(self) -> None:
        self._flows = trio.Event()

    def shut(self) -> None:
        self._is_open = False
        for scope in self._passing:
            scope.cancel()

    def open(self) -> None:
        self._is_open = True
        self._flows.set()

    async def _pass(self, client: trio.SocketStream) -> None:
        async with client:
            if not self._is_open:
                return
            with trio.CancelScope() as scope, suppress(OSError):
                self._passing.add(scope)
                async with (
                    await trio.open_tcp_stream("127.0.0.1", self._server) as server,
                    trio.open_nursery() as nursery,
                ):
                    for one, other in ((client, server), (server, client)):
                        nursery.start_soon(self._copy, one, other, scope)
            self._passing.discard(scope)

    async def _copy(self, source: trio.SocketStream, target: trio.SocketStream, scope: trio.CancelScope) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for data in source:
                await self._flows.wait()
                await target.send_all(data)
        scope.cancel()
