"""Sends a room's log to the connections that follow it.

A connection that listens is either *in step* (the broadcaster sends it each round) or *lagging* (a catch-up task of its own sends
what it lacks, from the log or from the store, until it is in step again): see `delivery.State`.

A round has the new messages, and for those who listen to changes the new changes after them: at most two buffers, and one send for
each connection.
"""

import trio

from reichatd.chat import frames
from reichatd.chat.broadcast_counters import BroadcastCounters
from reichatd.chat.catch_up import BroadcastRoom, CatchUps
from reichatd.chat.changes import ChangeSlice
from reichatd.chat.commit_status import CommitStatus
from reichatd.chat.connection import Connection
from reichatd.chat.delivery import Position, State
from reichatd.chat.log import Slice
from reichatd.chat.stalled import StalledSends
from reichatd.repeated_event import RepeatedEvent

_SENDS_PER_CHECKPOINT = 200
"""Sends between two checkpoints of a round: a long round must not starve the other tasks."""
_NO_CHANGES = ChangeSlice(b"", [], [], True)


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
        self.position = Position(1, 0)
        """See `Rounds`."""
        # The connections whose delivery is IN_STEP: its cursors are at `position`, except in the middle of a round.
        self._in_step: set[Connection] = set()
        self._in_step_with_changes: set[Connection] = set()
        self._round_seconds = 0.0  # how long the last round took
        self._news = RepeatedEvent()
        self.moved = RepeatedEvent()
        """See `Rounds`."""
        self._catch_ups = CatchUps(room, counters, stalled, self)
        self._nursery: trio.Nursery

    async def run(self) -> None:
        """Broadcasts what is appended to the log from here on, until cancelled. Call it when the end of the log is known."""
        self.position = self._end
        async with trio.open_nursery() as self._nursery:
            while True:
                await self._news.wait()
                await self._wait_for_commit()
                self._news.clear()
                if self.position != self._end:
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
        self.advance(connection)

    def rewind_changes(self, connection: Connection, change_id: int, first_id: int) -> None:
        """Sends the changes after `change_id` again, for a connection that got messages from `first_id` on, as they were then."""
        if connection.delivery.rewind_changes(change_id, first_id):
            self.advance(connection)

    def reply(self, connection: Connection, frame: bytes) -> None:
        """Sends a frame to one connection in the room, at once or as soon as its socket takes it."""
        delivery, socket = connection.delivery, connection.socket
        if delivery.state is not State.LAGGING and socket.try_send(frame, (len(frame),)):
            delivery.settle(1)
            if not socket.has_pending:
                return
        else:
            delivery.replies.append(frame)
        self.advance(connection)

    def offer(self, connection: Connection, frame: bytes) -> bool:
        """Sends a frame to a connection that is not behind and takes it at once; returns whether it was sent."""
        if connection.delivery.state is State.LAGGING or not connection.socket.try_send(frame, (len(frame),)):
            return False
        if connection.socket.has_pending:
            self.advance(connection)
        return True

    def leave(self, connection: Connection) -> None:
        """Nothing is sent to the connection from here on. Harmless if it has left before."""
        connection.delivery.leave()
        self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        """The connection is in step no longer."""
        self._in_step.discard(connection)
        self._in_step_with_changes.discard(connection)

    def advance(self, connection: Connection) -> None:
        """Acts on a changed delivery: puts it in step, starts its catch-up task, or wakes the one that it has."""
        delivery = connection.delivery
        if delivery.state is State.LAGGING:
            self.moved.notify_all()
            return
        match delivery.advance(self.position, flushed=not connection.socket.has_pending):
            case State.IN_STEP if delivery.change_cursor is None:
                self._in_step.add(connection)
            case State.IN_STEP:
                self._in_step_with_changes.add(connection)
                self._say_caught_up(connection)
            case State.LAGGING:
                self._forget(connection)
                self._nursery.start_soon(self._catch_ups.run, connection)

    def _say_caught_up(self, connection: Connection) -> None:
        delivery = connection.delivery
        if delivery.says_caught_up:
            delivery.says_caught_up, delivery.held_from = False, 0
            delivery.expect_reply()
            self.reply(connection, frames.encode(frames.CaughtUp(self.position.next_id - 1, self.position.change_id)))

    # --- rounds

    async def _broadcast(self) -> None:
        began = trio.current_time()
        tail, began_at = self._room.log, self.position
        self.position = self._end
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
        self.moved.notify_all()

    def _advance_all(self, connections: set[Connection]) -> None:
        for connection in tuple(connections):
            self.advance(connection)

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
                    self.advance(connection)
            else:
                missed += count
        return count * len(readers) - missed

    def _send_with_changes(self, readers: tuple[Connection, ...], batch: Slice, changes: ChangeSlice) -> None:
        """As `_send_to`, with the changes after the messages."""
        size, messages, position = len(batch.data), len(batch.ends), self.position
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
                self.advance(connection)
