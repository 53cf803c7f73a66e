"""A live room: its log, its broadcaster, and the connections that follow the log.

A connection that listens is either *in step* (the broadcaster sends it each round) or *lagging* (a catch-up task of its own sends
it what it lacks, from the log or from the store, until it is in step again). There is no queue per connection: a lagging one has
its cursor, and the frames meant for it alone (acks, errors), whose number is bounded by `limits.posts_in_flight`.
"""

from bisect import bisect_right
from itertools import accumulate

import structlog
import trio

from reichatd.chat import frames
from reichatd.chat.commit_status import CommitStatus
from reichatd.chat.connection import Connection
from reichatd.chat.log import RoomLog, Slice
from reichatd.chat.socket import ABORT, PeerGone, PeerStalled
from reichatd.errors import RoomNotFound
from reichatd.settings import LimitSettings
from reichatd.store import Message, MessageStore, StoreError, StoreUnavailable
from reichatd.timings import Timings

_FAIR = 200
"""Sends between two checkpoints of a broadcast: a long round must not starve the other tasks."""
_STORE_PAGE = 64
"""Messages that a lagging connection reads from the store at once."""
_STORE_RETRY_SECONDS = 1.0

log = structlog.get_logger()


class BroadcastCounters:
    """What all rooms together have sent since the start. Owned by the hub, counted by the rooms."""

    def __init__(self) -> None:
        self.deliveries = 0
        """Messages times the readers to whom they went."""
        self.rounds = Timings()


class LiveRoom:
    """Made by the hub when the first connection comes, ended by it when the last one has left.

    All methods but those that are async act at once, do not wait, and are called from the event loop.
    """

    def __init__(
        self,
        room_id: str,
        messages: MessageStore,
        limits: LimitSettings,
        broadcasts: BroadcastCounters,
        commits: CommitStatus,
    ) -> None:
        self.room_id = room_id
        self.connections: set[Connection] = set()
        self.scope = trio.CancelScope()  # the hub's: ends the room
        self._messages = messages
        self._limits = limits
        self._broadcasts = broadcasts
        self._commits = commits
        self._round_seconds = 0.0  # how long the last round took
        self._first_id = 1
        self._log = RoomLog(0, max_messages=limits.tail_messages, max_bytes=limits.tail_bytes)
        self._in_step: set[Connection] = set()  # each has cursor == _position, but in the middle of a round
        self._position = 1  # the first id that the broadcaster has not sent
        self._opened = trio.Event()
        self._exists = False
        self._renames = 0
        self._failure: StoreError | None = None
        self._news = trio.Event()
        self._moved = trio.Event()  # a round is over, or there is something else to do for who is ahead of it
        self._nursery: trio.Nursery

    @property
    def last_id(self) -> int:
        """The id of the last message that was published; meaningless before `opened`."""
        return self._log.last_id

    @property
    def first_id(self) -> int:
        """The id that the log begins with, as far as it is known here: retention moves it on, from another process too."""
        return self._first_id

    async def run(self) -> None:
        """Lives until its scope is cancelled. A store that fails, or has no such room, is for those who wait in `opened`."""
        with self.scope:
            try:
                await self._load()
            except StoreError as error:
                self._failure = error
            self._opened.set()
            if self._exists:
                async with trio.open_nursery() as self._nursery:
                    await self._broadcast()

    async def _load(self) -> None:
        """Finds out where the log ends, and fills the tail with what most will ask for first."""
        last_id = await self._messages.last_id(self.room_id)
        if last_id is None:
            return
        first_id = last_id - min(
            self._limits.initial_before + self._limits.initial_after, self._limits.tail_messages - 1
        )
        renames = self._renames
        recent = await self._messages.range(self.room_id, first_id, last_id)
        if renames == self._renames and not self._log.last_id and recent:
            self._log.skip_to(recent[0].message_id - 1)
            for message in recent:
                self._log.append(message.message_id, frames.latest_message(frames.as_json(message)))
        # Messages published since the room was made are news only beyond what the store had already.
        self._log.skip_to(last_id)
        await self._look_at_beginning()
        self._position = self._log.next_id
        self._exists = True

    async def opened(self) -> None:
        """Waits until the room knows where its log ends.

        Raises:
            RoomNotFound, StoreError
        """
        await self._opened.wait()
        if self._failure is not None:
            raise StoreError(str(self._failure)) from self._failure
        if not self._exists:
            raise RoomNotFound

    def reload(self, limits: LimitSettings) -> None:
        """From here on these limits hold; a tail that has become too long is cut with the next message."""
        self._limits = limits
        self._log.max_messages, self._log.max_bytes = limits.tail_messages, limits.tail_bytes

    def enter(self, connection: Connection) -> None:
        """Makes a connection known here, so that it hears of kicks and closing; it does not listen yet."""
        self.connections.add(connection)

    def leave(self, connection: Connection) -> None:
        """Nothing is sent to the connection from here on. Harmless if it has left before."""
        self.connections.discard(connection)
        self._in_step.discard(connection)
        connection.listening = False
        if connection.catching_up is not None:
            connection.catching_up.cancel()

    def listen(self, connection: Connection, cursor: int) -> None:
        """From here on the connection is sent every message from id `cursor` on, in order, each once.

        One that listens already is moved to that cursor.
        """
        if connection not in self.connections:
            return
        connection.listening = True
        connection.cursor = cursor
        self._in_step.discard(connection)
        self._continue(connection)

    def publish(self, entries: list[tuple[int, bytes]]) -> None:
        """Appends durable messages (id, frame) to the log and wakes the broadcaster."""
        if any([self._log.append(message_id, frame) for message_id, frame in entries]):
            self._news.set()

    def reply(self, connection: Connection, frame: bytes) -> None:
        """Sends a frame to one connection, at once or as soon as its socket takes it. It counts as in flight until then."""
        if connection not in self.connections:
            return
        if connection.catching_up is None and connection.socket.try_send(frame, (len(frame),)):
            connection.settle(1)
            if not connection.socket.has_pending:
                return
        else:
            connection.replies.append(frame)
        self._in_step.discard(connection)
        self._continue(connection)

    def recent(self, first_id: int, last_id: int) -> list[bytes] | None:
        """The frames of those of these ids, both included, that exist; None if only the store knows them all."""
        if max(first_id, self._first_id) < self._log.first_id or (
            self._messages.shared and last_id > self._log.last_id
        ):
            return None
        return self._log.between(first_id, last_id)

    def forget_tail(self) -> None:
        """The frames in memory are out of date (an author was renamed): readers behind get them anew from the store."""
        self._renames += 1
        self._log.forget()

    def begins_at(self, first_id: int) -> None:
        """All messages before `first_id` have been removed from the store."""
        self._first_id = max(self._first_id, first_id)
        self._log.drop_before(self._first_id)

    async def read(self, first_id: int, last_id: int) -> list[Message]:
        """The messages of these ids, both included, that the store has. Where some are gone, the room knows it afterwards.

        Raises:
            StoreError
        """
        messages = await self._messages.range(self.room_id, first_id, last_id)
        expected = max(first_id, self._first_id)
        if expected <= min(last_id, self.last_id) and (not messages or messages[0].message_id > expected):
            await self._look_at_beginning()
        return messages

    async def stored_last_id(self) -> int:
        """The id that the store's log ends with: the room may yet hear of the last ones. 0 if there is no log.

        Raises:
            StoreError
        """
        return await self._messages.last_id(self.room_id) or 0

    async def _look_at_beginning(self) -> None:
        (first_id,) = await self._messages.first_ids([self.room_id])
        self.begins_at(first_id or 1)

    # --- the broadcaster

    async def _broadcast(self) -> None:
        while True:
            await self._news.wait()
            await self._gather()
            self._news = trio.Event()
            if self._position > self._log.last_id:
                continue
            batch = self._log.since(self._position)
            if batch is None:  # the tail does not reach back: each gets it from the store
                self._position = self._log.next_id
                for connection in tuple(self._in_step):
                    self._in_step.discard(connection)
                    self._continue(connection)
            else:
                self._position = batch.next_id
                await self._send_round(batch)
            self._wake_those_ahead()

    async def _gather(self) -> None:
        """Has a round that takes longer than a commit wait for what is being stored already: then the same sends carry it too.

        In a crowd that answers what it reads, one half of the posts is else on its way into the store while the other half is
        sent, for ever: twice as many sends for as many messages. The wait is no longer than the last round was.
        """
        if self._round_seconds > self._commits.last_seconds:
            with trio.move_on_after(self._round_seconds):
                for _ in range(2):  # what was posted during the first of them is in the second
                    await self._commits.over()

    def _wake_those_ahead(self) -> None:
        self._moved.set()
        self._moved = trio.Event()

    async def _send_round(self, batch: Slice) -> None:
        began = trio.current_time()
        data, ends, next_id = batch
        count = len(ends)
        in_step = self._in_step
        readers = tuple(in_step)
        missed = 0
        for number, connection in enumerate(readers, 1):
            if connection in in_step and connection.cursor != next_id:
                taken = connection.socket.try_send(data, ends)
                connection.cursor += taken
                if taken != count or connection.socket.has_pending:
                    missed += count - taken
                    in_step.discard(connection)
                    self._continue(connection)
            else:
                missed += count
            if number % _FAIR == 0:
                await trio.lowlevel.checkpoint()
        self._broadcasts.deliveries += count * len(readers) - missed
        self._round_seconds = trio.current_time() - began
        self._broadcasts.rounds.note(self._round_seconds)

    # --- catching up

    def _continue(self, connection: Connection) -> None:
        """Puts a connection in step if it is, else gives it a catch-up task, unless it has one."""
        if connection.catching_up is not None:
            self._wake_those_ahead()  # it may be one of them
            return
        if not connection.replies and not connection.socket.has_pending and connection.cursor == self._position:
            self._in_step.add(connection)
        else:
            connection.catching_up = trio.CancelScope()
            self._nursery.start_soon(self._catch_up, connection, connection.catching_up)

    async def _catch_up(self, connection: Connection, scope: trio.CancelScope) -> None:
        with scope:
            try:
                await self._send_on(connection)
            except PeerStalled:
                log.info("slow reader closed", room_id=self.room_id, user_id=connection.user.user_id)
                connection.close_soon(1013, "Reader too slow for too long")
            except PeerGone:
                connection.close_soon(ABORT, "")
            except Exception:
                log.exception("catching up failed", room_id=self.room_id)
                connection.close_soon(1011, "Internal error")
        # No await between the last look at the connection in _send_on and here: else a reply could fall in between.
        connection.catching_up = None
        if connection in self.connections and connection.closing is None and connection.listening:
            self._in_step.add(connection)

    async def _send_on(self, connection: Connection) -> None:
        """Sends replies and log until there is nothing left to send."""
        while True:
            if connection.replies or connection.socket.has_pending:
                replies, connection.replies = connection.replies, []
                await connection.socket.send(b"".join(replies))
                connection.settle(len(replies))
            elif not connection.listening or connection.cursor == self._position:
                return
            elif connection.cursor > self._position:  # a round is under way, or it has read ahead of it in the store
                await self._moved.wait()
            else:
                await self._send_log(connection)

    async def _send_log(self, connection: Connection) -> None:
        # What was removed cannot be sent; what comes next is no further than the end of the log.
        cursor = connection.cursor = max(connection.cursor, min(self._first_id, self._log.next_id))
        if cursor >= self._position:
            return
        batch = self._log.since(cursor, self._limits.catch_up_bytes) or await self._from_store(cursor)
        if connection.cursor != cursor:
            return  # it asked to listen from elsewhere meanwhile
        # Moved before the wait: a send that is cancelled still goes out whole, so these frames are as good as sent.
        connection.cursor = batch.next_id
        self._broadcasts.deliveries += len(batch.ends)
        await connection.socket.send(batch.data)

    async def _from_store(self, cursor: int) -> Slice:
        last = min(cursor + _STORE_PAGE - 1, self._log.last_id)
        while True:
            try:
                messages = await self.read(cursor, last)
            except StoreUnavailable as error:
                log.warning("store unavailable, catching up waits", room_id=self.room_id, error=str(error))
                await trio.sleep(_STORE_RETRY_SECONDS)
            else:
                break
        found = [frames.latest_message(frames.as_json(message)) for message in messages]
        ends = list(accumulate(map(len, found)))
        count = max(1, bisect_right(ends, self._limits.catch_up_bytes))
        if count >= len(found):
            return Slice(b"".join(found), ends, last + 1)
        return Slice(b"".join(found[:count]), ends[:count], messages[count].message_id)
