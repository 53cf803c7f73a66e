"""Sends the states of a room's `Activity`."""

from collections.abc import Collection, Sequence
from typing import Protocol

import trio

from reichatd.chat import frames
from reichatd.chat.activity import Activity, Offer
from reichatd.chat.connection import Connection
from reichatd.repeated_event import RepeatedEvent
from reichatd.settings import LiveSettings
from reichatd.store import StoreError


class Members(Protocol):
    """What is asked of the store. Both methods wait for it, and raise StoreError."""

    async def is_small(self, room_id: str) -> bool:
        """Whether a room has so few members that all who have it open are named."""

    async def silenced(self, room_id: str, user_ids: Sequence[str]) -> set[str]:
        """Those of these users whose posts are refused now: see `MemberStore.silenced`."""


class ActiveRoom(Protocol):
    """The room, as it is seen here."""

    room_id: str
    settings: LiveSettings
    connections: set[Connection]

    def offer(self, connection: Connection, frame: bytes) -> bool:
        """Sends a frame to a connection that is not behind; returns whether it was sent."""


class ActivityRounds:
    """Who is typing in a room, and who has it open. The room makes it for the first connection that wants to know.

    Only `run` waits.
    """

    def __init__(self, room: ActiveRoom, members: Members) -> None:
        self._room = room
        self._members = members
        self._activity = Activity()
        self._news = RepeatedEvent()

    def want(self, connection: Connection, wanted: list[frames.Wanted]) -> None:
        """The connection wants these states."""
        self._activity.want(connection, wanted)
        self._news.set()

    def typed(self, user_id: str) -> None:
        """A user is typing. Ignored where too many listen."""
        if len(self._room.connections) <= self._room.settings.limits.typing_listeners:
            self._activity.typed(user_id, trio.current_time())
            self._news.set()

    def stopped(self, user_id: str) -> None:
        """A user has sent what they typed."""
        self._activity.stopped(user_id)
        self._news.set()

    def standing_changed(self, user_id: str) -> None:
        """A user may have been muted, or may post again."""
        self._activity.forget(user_id)
        self._news.set()

    def entered(self) -> None:
        """A connection has entered the room."""
        self._activity.has_presence_news = True
        self._news.set()

    def left(self, connection: Connection) -> None:
        """A connection has left the room."""
        self._activity.leave(connection)
        self._news.set()

    async def run(self) -> None:
        """Sends until cancelled."""
        while True:
            with trio.move_on_at(self._activity.due_at(self._room.settings.limits)):
                await self._news.wait()
            self._news.clear()
            await self._send()

    async def _send(self) -> None:
        limits = self._room.settings.limits
        if self._activity.is_typing_due(trio.current_time(), limits):
            if asked := self._activity.ask(trio.current_time()):
                self._activity.answer(await self._silenced(asked), trio.current_time())
            self._offer(self._activity.typing_offers(trio.current_time(), limits))
        if self._activity.is_presence_due(trio.current_time(), limits):
            with_ids = await self._names_all()
            user_ids = [connection.user.user_id for connection in self._room.connections]
            self._offer(self._activity.presence_offers(trio.current_time(), user_ids, with_ids=with_ids))

    async def _silenced(self, user_ids: Sequence[str]) -> Collection[str]:
        try:
            return await self._members.silenced(self._room.room_id, user_ids)
        except StoreError:  # reported where the store is needed
            return user_ids

    async def _names_all(self) -> bool:
        try:
            return await self._members.is_small(self._room.room_id)
        except StoreError:  # reported where the store is needed
            return False

    def _offer(self, offers: list[Offer]) -> None:
        for connection, frame in offers:
            if not self._room.offer(connection, frame):
                self._activity.refused(connection)
