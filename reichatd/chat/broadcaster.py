"""Sends a room's log to the connections that follow it.

A connection that listens is either *in step* (the broadcaster sends it each round) or *lagging* (a catch-up task of its own sends
what it lacks, from the log or from the store, until it is in step again): see `delivery.State`.

A round has the new messages, and for those who listen to changes the new changes after them: at most two buffers, and one send for
each connection.
"""

from bisect import bisect_right
from collections.abc import Awaitable, Callable
from itertools import accumulate
from typing import Protocol

import structlog
import trio

from reichatd.chat import frames
from reichatd.chat.changes import ChangeSlice
from reichatd.chat.commit_status import CommitStatus
from reichatd.chat.connection import Connection
from reichatd.chat.delivery import Position, State, Step
from reichatd.chat.log import RoomLog, Slice
from reichatd.chat.socket import PeerGone, PeerStalled
from reichatd.chat.stalled import HeldBytes, StalledSends
from reichatd.closing import ABORT, SERVER_FAULT, SLOW_READER
from reichatd.repeated_event import RepeatedEvent
from reichatd.settings import EmailVisibility, LiveSettings
from reichatd.store import Message, StoreUnavailable, is_cut
from reichatd.timings import Timings

_SENDS_PER_CHECKPOINT = 200
"""Sends between two checkpoints of a round: a long round must not starve the other tasks."""
_STORE_PAGE = 64
"""Messages in one read from the store, for a lagging connection."""
_STORE_RETRY_SECONDS = 1.0
_NO_CHANGES = ChangeSlice(b"", [], [], True)

log = structlog.get_logger()


class BroadcastCounters:
    """What all rooms together have sent since the start. The hub owns it, the broadcasters count."""

    def __init__(self) -> None:
        self.deliveries = 0
        """Messages, each times the readers that it was sent to."""
        self.changes = 0
        """Changes of messages, counted in the same way."""
        self.rounds = Timings()


class BroadcastRoom(Protocol):
    """The room, as its broadcaster sees it."""

    room_id: str
    settings: LiveSettings
    log: RoomLog

    @property
    def first_id(self) -> int:
        """The id that the log begins with; what was before has been removed."""

    @property
    def emails(self) -> EmailVisibility:
        """The users that see addresses now."""

    async def read(self, first_id: int, last_id: int, max_chars: int) -> list[Message]:
        """The messages of these ids, both included, that the store has, at least one of them, and about `max_chars` characters.

        Raises:
            StoreError
        """

    async def read_changes(
        self, after_change: int, first_id: int, last_id: int, at_most: int, max_chars: int
    ) -> list[Message]:
        """Changed messages from the store: see `MessageStore.changed`.

        Raises:
            StoreError
        """


class Broadcaster:
    """Owns the deliveries of one room. All methods but `run` act at once and do not wait.

    Arguments:
        counters: counts what is sent.
        commits: a long round waits for the commit in progress.
        stalled: is told what catch-ups hold.
    """

    def __init__(
        self, room: BroadcastRoom, counters: BroadcastCounters, commits: CommitStatus, stalled: StalledSends
    ) -> None:
        self._room = room
        self._counters = counters
        self._commits = commits
        self._stalled = stalled
        self._position = Position(1, 0)
        # The connections whose delivery is IN_STEP: its cursors are at _position, except in the middle of a round.
        self._in_step: set[Connection] = set()
        self._in_step_with_changes: set[Connection] = set()
        self._round_seconds = 0.0  # how long the last round took
        self._news = RepeatedEvent()
        self._moved = RepeatedEvent()  # a round is over, or a delivery ahead of it has something to flush
        self._nursery: trio.Nursery

    async def run(self) -> None:
        """Broadcasts what is appended to the log from here on, until cancelled. Call it when the end of the log is known."""
        self._position = self._end
        async with trio.open_nursery() as self._nursery:
            while True:
                await self._news.wait()
                await self._wait_for_commit()
                self._news.clear()
                if self._position != self._end:
                    await self._broadcast()

    @property
    def _end(self) -> Position:
        """Where the room's log ends."""
        return Position(self._room.log.next_id, self._room.log.changes.head)

    @property
    def change_listeners(self) -> int:
        """How many connections in step are sent changes."""
        return len(self._in_step_with_changes)

    def wake(self) -> None:
        """The log has new messages or changes."""
        self._news.set()

    def listen(self, connection: Connection, cursor: int, change_cursor: int | None = None, held_from: int = 0) -> None:
        """From here on the connection, which is in the room, is sent every message from id `cursor` on, in order, each once.

        Arguments:
            change_cursor, held_from: see `Delivery.listen`.
        """
        self._forget(connection)
        connection.delivery.listen(cursor, change_cursor, held_from)
        self._advance(connection)

    def rewind_changes(self, connection: Connection, change_id: int, first_id: int) -> None:
        """Sends the changes after `change_id` again, for a connection that got messages from `first_id` on, as they were then."""
        if connection.delivery.rewind_changes(change_id, first_id):
            self._advance(connection)

    def reply(self, connection: Connection, frame: bytes) -> None:
        """Sends a frame to one connection in the room, at once or as soon as its socket takes it."""
        delivery, socket = connection.delivery, connection.socket
        if delivery.state is not State.LAGGING and socket.try_send(frame, (len(frame),)):
            delivery.settle(1)
            if not socket.has_pending:
                return
        else:
            delivery.replies.append(frame)
        self._advance(connection)

    def offer(self, connection: Connection, frame: bytes) -> bool:
        """Sends a frame to a connection that is not behind and takes it at once; returns whether it was sent."""
        if connection.delivery.state is State.LAGGING or not connection.socket.try_send(frame, (len(frame),)):
            return False
        if connection.socket.has_pending:
            self._advance(connection)
        return True

    def leave(self, connection: Connection) -> None:
        """Nothing is sent to the connection from here on. Harmless if it has left before."""
        connection.delivery.leave()
        self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        """The connection is in step no longer."""
        self._in_step.discard(connection)
        self._in_step_with_changes.discard(connection)

    def _advance(self, connection: Connection) -> None:
        """Acts on a changed delivery: puts it in step, starts its catch-up task, or wakes the one that it has."""
        delivery = connection.delivery
        if delivery.state is State.LAGGING:
            self._moved.notify_all()
            return
        match delivery.advance(self._position, flushed=not connection.socket.has_pending):
            case State.IN_STEP if delivery.change_cursor is None:
                self._in_step.add(connection)
            case State.IN_STEP:
                self._in_step_with_changes.add(connection)
                self._say_caught_up(connection)
            case State.LAGGING:
                self._forget(connection)
                self._nursery.start_soon(self._catch_up, connection)

    def _say_caught_up(self, connection: Connection) -> None:
        delivery = connection.delivery
        if delivery.says_caught_up:
            delivery.says_caught_up, delivery.held_from = False, 0
            delivery.expect_reply()
            self.reply(connection, frames.encode(frames.CaughtUp(self._position.next_id - 1, self._position.change_id)))

    # --- rounds

    async def _broadcast(self) -> None:
        began = trio.current_time()
        tail, began_at = self._room.log, self._position
        self._position = self._end
        batch = tail.since(began_at.next_id) if began_at.next_id < tail.next_id else Slice(b"", [], tail.next_id)
        changes = tail.changes.since(began_at.change_id, tail.changes.head)
        if batch is None:  # the tail does not reach back: each gets it from the store
            self._advance_all(self._in_step)
        else:
            await self._send_round(self._in_step, batch, _NO_CHANGES)
        if batch is None or changes is None:
            self._advance_all(self._in_step_with_changes)
        else:
            await self._send_round(self._in_step_with_changes, batch, changes)
        self._round_seconds = trio.current_time() - began
        self._counters.rounds.note(self._round_seconds)
        self._moved.notify_all()

    def _advance_all(self, connections: set[Connection]) -> None:
        for connection in tuple(connections):
            self._advance(connection)

    async def _wait_for_commit(self) -> None:
        """Makes a round that takes longer than a commit wait for the posts that are being stored: then one send carries both.

        Without it, in a busy room, half of the posts would always be on their way into the store while the other half is sent:
        twice as many sends for the same messages. It waits no longer than the last round took.
        """
        if self._round_seconds > self._commits.last_seconds:
            with trio.move_on_after(self._round_seconds):
                for _ in range(2):  # what was posted during the first of them is in the second
                    await self._commits.finished()

    async def _send_round(self, readers: set[Connection], batch: Slice, changes: ChangeSlice) -> None:
        everyone = tuple(readers) if batch.ends or changes.ends else ()
        for start in range(0, len(everyone), _SENDS_PER_CHECKPOINT):
            some = everyone[start : start + _SENDS_PER_CHECKPOINT]
            if changes.ends:
                self._send_with_changes(some, batch, changes)
            else:
                self._counters.deliveries += self._send_to(some, batch)
            if len(some) == _SENDS_PER_CHECKPOINT:
                await trio.lowlevel.checkpoint()

    def _send_to(self, readers: tuple[Connection, ...], batch: Slice) -> int:
        """Sends one batch to those of the readers that lack it and are still in step. Returns how many messages went out in all.

        The hottest loop of the daemon: each attribute access counts.
        """
        data, ends, next_id = batch
        count = len(ends)
        in_step = State.IN_STEP
        missed = 0
        for connection in readers:
            delivery = connection.delivery
            cursor = delivery.cursor
            if cursor != next_id and delivery.state is in_step:
                socket = connection.socket
                taken = socket.try_send(data, ends)
                delivery.cursor = cursor + taken
                if taken != count or socket.has_pending:
                    missed += count - taken
                    self._advance(connection)
            else:
                missed += count
        return count * len(readers) - missed

    def _send_with_changes(self, readers: tuple[Connection, ...], batch: Slice, changes: ChangeSlice) -> None:
        """As `_send_to`, with the changes after the messages."""
        size, messages, position = len(batch.data), len(batch.ends), self._position
        data = batch.data + changes.data
        ends = batch.ends + [size + end for end in changes.ends]
        for connection in readers:
            delivery = connection.delivery
            if delivery.state is not State.IN_STEP or delivery.is_at(position):
                continue
            taken = connection.socket.try_send(data, ends)
            delivery.took(taken, messages, changes.change_ids)
            self._counters.deliveries += min(taken, messages)
            self._counters.changes += max(0, taken - messages)
            if taken != len(ends) or connection.socket.has_pending:
                self._advance(connection)

    # --- catching up

    async def _catch_up(self, connection: Connection) -> None:
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
            self._advance(connection)

    async def _send_on(self, connection: Connection, held: HeldBytes) -> None:
        """Sends replies and log until there is nothing left to send."""
        delivery, socket = connection.delivery, connection.socket
        while True:
            match delivery.next_step(self._position, flushed=not socket.has_pending):
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
                    await self._moved.wait()
                case Step.SEND_LOG:
                    await self._send_log(connection, held)
                case Step.SEND_CHANGES:
                    await self._send_changes(connection, held)

    async def _send_log(self, connection: Connection, held: HeldBytes) -> None:
        delivery, room = connection.delivery, self._room
        # Removed messages cannot be sent. The next one is no further than the end of the log.
        cursor = delivery.cursor = max(delivery.cursor, min(room.first_id, room.log.next_id))
        if cursor >= self._position.next_id:
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
        up_to, first_id = self._position.change_id, delivery.held_from
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
        messages = await self._read(lambda: room.read(cursor, last, max_bytes))
        found = [frames.latest_message(frames.as_json(message, room.emails)) for message in messages]
        ends = list(accumulate(map(len, found)))
        count = max(1, bisect_right(ends, max_bytes))
        if count >= len(found):
            next_id = messages[-1].message_id + 1 if is_cut(messages, max_bytes) else last + 1
            return Slice(b"".join(found), ends, next_id)
        return Slice(b"".join(found[:count]), ends[:count], messages[count].message_id)

    async def _changes_from_store(self, change_cursor: int, first_id: int, last_id: int) -> ChangeSlice:
        room, max_bytes = self._room, self._room.settings.limits.catch_up_bytes
        messages = await self._read(lambda: room.read_changes(change_cursor, first_id, last_id, _STORE_PAGE, max_bytes))
        found = [frames.message_changed(frames.as_json(message, room.emails)) for message in messages]
        change_ids = [message.change_id for message in messages]
        is_last = len(messages) < _STORE_PAGE and not is_cut(messages, max_bytes)
        return ChangeSlice(b"".join(found), list(accumulate(map(len, found))), change_ids, is_last)

    async def _read(self, read: Callable[[], Awaitable[list[Message]]]) -> list[Message]:
        """Messages from the store; while that is unavailable, it waits."""
        while True:
            try:
                return await read()
            except StoreUnavailable as error:
                log.warning("store unavailable, catch-up paused", room_id=self._room.room_id, error=str(error))
                await trio.sleep(_STORE_RETRY_SECONDS)
