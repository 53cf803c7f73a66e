"""Sends lagging connections what they lack, from the log or from the store, until they are in step with the rounds again."""

from bisect import bisect_right
from collections.abc import Awaitable, Callable
from itertools import accumulate
from typing import Protocol

import structlog
import trio

from reichatd.chat import frames
from reichatd.chat.broadcast_counters import BroadcastCounters
from reichatd.chat.changes import ChangeSlice
from reichatd.chat.connection import Connection
from reichatd.chat.delivery import Position, Step
from reichatd.chat.log import RoomLog, Slice
from reichatd.chat.socket import PeerGone, PeerStalled
from reichatd.chat.stalled import HeldBytes, StalledSends
from reichatd.chat.stored_log import StoredLog
from reichatd.closing import ABORT, SERVER_FAULT, SLOW_READER
from reichatd.repeated_event import RepeatedEvent
from reichatd.settings import EmailVisibility, LiveSettings
from reichatd.store import Message, StoreUnavailable, is_cut

_STORE_PAGE = 64
"""Messages in one read from the store, for a lagging connection."""
_STORE_RETRY_SECONDS = 1.0

log = structlog.get_logger()


class BroadcastRoom(Protocol):
    """The room, as its broadcaster and its catch-ups see it."""

    room_id: str
    settings: LiveSettings
    log: RoomLog
    stored: StoredLog

    @property
    def first_id(self) -> int:
        """The id that the log begins with; what was before has been removed."""

    @property
    def emails(self) -> EmailVisibility:
        """The users that see addresses now."""


class Rounds(Protocol):
    """The broadcaster, as the catch-ups see it."""

    position: Position
    """What the connections in step have been sent, or are being sent."""
    moved: RepeatedEvent
    """A round is over, or a delivery ahead of it has something to flush."""

    def advance(self, connection: Connection) -> None:
        """Acts on a changed delivery."""


class CatchUps:
    """The catch-ups of one room; each runs in a task of its own.

    Arguments:
        counters: counts what is sent.
        stalled: is told what is held for sockets that take nothing.
    """

    def __init__(self, room: BroadcastRoom, counters: BroadcastCounters, stalled: StalledSends, rounds: Rounds) -> None:
        self._room = room
        self._counters = counters
        self._stalled = stalled
        self._rounds = rounds
        self._is_paused = False  # the store was unavailable the last time

    async def run(self, connection: Connection) -> None:
        """Brings a connection in step, whose delivery is LAGGING. Waits for its socket, and for the store."""
        delivery = connection.delivery
        assert delivery.catch_up is not None
        with delivery.catch_up:
            try:
                with self._stalled.begin(connection) as held:
                    await self._send_on(connection, held)
            except PeerStalled:
                log.info("slow reader closed", room_id=self._room.room_id, user_id=connection.user.user_id)
                connection.close_soon(SLOW_READER)
            except PeerGone:
                connection.close_soon(ABORT)
            except Exception:
                log.exception("catch-up failed", room_id=self._room.room_id)
                connection.close_soon(SERVER_FAULT)
        # No await between the last check of the delivery in _send_on and here: a reply could come in between.
        delivery.end_catch_up()
        if connection.closing is None:
            self._rounds.advance(connection)

    async def _send_on(self, connection: Connection, held: HeldBytes) -> None:
        """Sends replies and log until there is nothing left to send."""
        delivery, socket = connection.delivery, connection.socket
        while True:
            match delivery.next_step(self._rounds.position, flushed=not socket.has_pending):
                case Step.NOTHING:
                    return
                case Step.FLUSH:
                    replies = delivery.take_replies()
                    data = b"".join(replies)
                    held.hold(len(data))
                    await socket.send(data)
                    delivery.settle(len(replies))
                case Step.WAIT:
                    held.hold(0)
                    await self._rounds.moved.wait()
                case Step.SEND_LOG:
                    await self._send_log(connection, held)
                case Step.SEND_CHANGES:
                    await self._send_changes(connection, held)

    async def _send_log(self, connection: Connection, held: HeldBytes) -> None:
        delivery, room = connection.delivery, self._room
        # Removed messages cannot be sent. The next one is no further than the end of the log.
        cursor = delivery.cursor = max(delivery.cursor, min(room.first_id, room.log.next_id))
        if cursor >= self._rounds.position.next_id:
            return
        batch = room.log.since(cursor, room.settings.limits.catch_up_bytes) or await self._from_store(cursor)
        if delivery.cursor != cursor:
            return  # the client asked for another position meanwhile
        # The cursor moves before the wait: a cancelled send still goes out whole, so these frames count as sent.
        delivery.cursor = batch.next_id
        self._counters.deliveries += len(batch.ends)
        held.hold(len(batch.data))
        await connection.socket.send(batch.data)

    async def _send_changes(self, connection: Connection, held: HeldBytes) -> None:
        delivery, room = connection.delivery, self._room
        change_cursor, cursor = delivery.change_cursor, delivery.cursor
        assert change_cursor is not None
        up_to, first_id = self._rounds.position.change_id, delivery.held_from
        found = room.log.changes.since(
            change_cursor, up_to, room.settings.limits.catch_up_bytes, first_id
        ) or await self._changes_from_store(change_cursor, first_id, cursor - 1)
        if (delivery.change_cursor, delivery.cursor) != (change_cursor, cursor):
            return  # the client asked for another position meanwhile
        # As for messages, before the wait. The store may be ahead of the rounds, but never the cursor: a later change of a message
        # that was not sent yet would be skipped. Some changes are sent twice then, which clients ignore.
        delivery.change_cursor = up_to if found.is_last else min(up_to, found.change_ids[-1])
        self._counters.changes += len(found.ends)
        held.hold(len(found.data))
        await connection.socket.send(found.data)

    async def _from_store(self, cursor: int) -> Slice:
        room, max_bytes = self._room, self._room.settings.limits.catch_up_bytes
        last = min(cursor + _STORE_PAGE - 1, room.log.last_id)
        messages = await self._read(lambda: room.stored.read(cursor, last, max_bytes))
        found = [frames.latest_message(frames.as_json(message, room.emails)) for message in messages]
        ends = list(accumulate(map(len, found)))
        count = max(1, bisect_right(ends, max_bytes))
        if count >= len(found):
            next_id = messages[-1].message_id + 1 if is_cut(messages, max_bytes) else last + 1
            return Slice(b"".join(found), ends, next_id)
        return Slice(b"".join(found[:count]), ends[:count], messages[count].message_id)

    async def _changes_from_store(self, change_cursor: int, first_id: int, last_id: int) -> ChangeSlice:
        room, max_bytes = self._room, self._room.settings.limits.catch_up_bytes
        messages = await self._read(
            lambda: room.stored.read_changes(change_cursor, first_id, last_id, _STORE_PAGE, max_bytes)
        )
        found = [frames.message_changed(frames.as_json(message, room.emails)) for message in messages]
        change_ids = [message.change_id for message in messages]
        is_last = len(messages) < _STORE_PAGE and not is_cut(messages, max_bytes)
        return ChangeSlice(b"".join(found), list(accumulate(map(len, found))), change_ids, is_last)

    async def _read(self, read: Callable[[], Awaitable[list[Message]]]) -> list[Message]:
        """Messages from the store; while that is unavailable, it waits."""
        while True:
            try:
                found = await read()
            except StoreUnavailable as error:
                if not self._is_paused:
                    log.warning("store unavailable, catch-up paused", room_id=self._room.room_id, error=str(error))
                self._is_paused = True
                await trio.sleep(_STORE_RETRY_SECONDS)
            else:
                self._is_paused = False
                return found
