"""Follows a store in tests."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Self

import trio

from reichatd.repeated_event import RepeatedEvent
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
