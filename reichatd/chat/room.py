"""A live room: its log, and the connections in it."""

from collections.abc import Callable, Iterable, Sequence

import trio

from reichatd.chat import frames
from reichatd.chat.activity_rounds import ActivityRounds, Members
from reichatd.chat.arrivals import Arrivals
from reichatd.chat.broadcast_counters import BroadcastCounters
from reichatd.chat.broadcaster import Broadcaster
from reichatd.chat.changes import ChangeEntry
from reichatd.chat.commit_status import CommitStatus
from reichatd.chat.connection import Connection
from reichatd.chat.gap_reader import GapReader
from reichatd.chat.log import RoomLog
from reichatd.chat.stalled import StalledSends
from reichatd.chat.stored_log import StoredLog
from reichatd.chat.tails import Tails
from reichatd.errors import RoomNotFound
from reichatd.repeated_event import RepeatedEvent
from reichatd.settings import EmailVisibility, LiveSettings
from reichatd.store import ChangedMessage, LogHead, Message, MessageStore, StoreError


class LiveRoom:
    """A room with at least one connection. The hub makes it for the first one, and ends it after the last one has left.

    All methods are called from the event loop. Those that are not async act at once and do not wait.

    Arguments:
        counters: counts what is sent.
        commits, stalled: see `Broadcaster`.
        tails: bounds the tails of all rooms.
        members: see `ActivityRounds`.
        identify: called when the room knows its key, before it reads where its log ends.
    """

    def __init__(
        self,
        room_id: str,
        messages: MessageStore,
        settings: LiveSettings,
        counters: BroadcastCounters,
        commits: CommitStatus,
        stalled: StalledSends,
        tails: Tails,
        members: Members,
        identify: Callable[["LiveRoom"], None],
    ) -> None:
        limits = settings.limits
        self.room_id = room_id
        self.settings = settings
        self.connections: set[Connection] = set()
        self.scope = trio.CancelScope()  # the hub's: ends the room
        self.log = RoomLog(0, max_messages=limits.tail_messages, max_bytes=limits.tail_bytes)
        self.first_id = 1
        """The id that the log begins with, as far as the room knows. Retention, also in another process, moves it forward."""
        self.token = ""
        """Names the log: see `LogHead`. Empty before `opened`."""
        self.key = ""
        """Names the log in the store's feed: see `LogHead`."""
        self.outdated = 0
        """Counts what makes messages out of date that are being read: new names, addresses that are not shown any more."""
        self.stored = StoredLog(self, messages)
        self._messages = messages
        self._tails = tails
        self._broadcaster = Broadcaster(self, counters, commits, stalled)
        self._arrivals = Arrivals(self.log, self._apply)
        self._gaps = GapReader(self, self._arrivals)
        self._members = members
        self._identify = identify
        self._activity: ActivityRounds | None = None  # made for the first connection that wants it
        self._nursery: trio.Nursery
        self._held = RepeatedEvent()  # reactions are held back
        self._opened = trio.Event()
        self._exists = False
        self._failure: StoreError | None = None

    @property
    def last_id(self) -> int:
        """The id of the last published message. Meaningless before `opened`."""
        return self.log.last_id

    @property
    def change_id(self) -> int:
        """The number of the last change that was published. Meaningless before `opened`."""
        return self.log.changes.head

    @property
    def emails(self) -> EmailVisibility:
        """The users that see addresses now."""
        return self.settings.whole.privacy.emails

    # --- its life

    async def run(self) -> None:
        """Loads the tail of the log, then broadcasts until `scope` is cancelled.

        A room that does not exist, and a store that fails, are reported by `opened`.
        """
        try:
            with self.scope:
                await self._load_and_broadcast()
        finally:
            self._tails.remove(self.log)

    async def _load_and_broadcast(self) -> None:
        try:
            await self._load()
        except StoreError as error:
            self._failure = error
        self._opened.set()
        if self._exists:
            async with trio.open_nursery() as self._nursery:
                self._nursery.start_soon(self._release_reactions)
                self._fill_gaps()
                await self._broadcaster.run()

    async def _release_reactions(self) -> None:
        """Publishes the reactions that were held back, once a second, until cancelled."""
        while True:
            await self._held.wait()
            self._held.clear()
            await trio.sleep(self.settings.limits.reactions_seconds)
            self.log.release_changes()
            self._tails.changed(self.log)
            self._broadcaster.wake()

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

    async def _load(self) -> None:
        """Finds the end of the log, and fills the tail with what most clients ask for first."""
        limits = self.settings.limits
        head = await self._find_head()
        if head is None:
            return
        first_id = head.last_id - min(limits.initial_before + limits.initial_after, limits.tail_messages - 1)
        outdated = self.outdated
        recent = await self._messages.range(self.room_id, first_id, head.last_id, log_key=self.key)
        if outdated == self.outdated and recent:
            self.log.skip_to(recent[0].message_id - 1)
            for message in recent:
                self.log.append(message.message_id, frames.latest_message(frames.as_json(message, self.emails)))
        # What came during the load is new only beyond what the store had by then.
        self._arrivals.open(head.last_id, head.change_id)
        self._tails.changed(self.log)
        self.begins_at(head.first_id)
        self.token = head.token
        self._exists = True

    async def _find_head(self) -> LogHead | None:
        """Where the log ends; None if there is none.

        The end is read after the room can be found by its key: what is stored before is in the head then, and what is stored later
        reaches the room by the feed. The other way round, messages in between would reach it by neither.
        """
        if self._messages.shared:
            keys = await self._messages.log_keys([self.room_id])
            self.key = keys.get(self.room_id, "")
            if self.key:
                self._identify(self)
        head = await self._messages.head(self.room_id)
        return head if head is not None and head.key == self.key else None  # else it was made or deleted meanwhile

    # --- connections

    def enter(self, connection: Connection) -> None:
        """Adds a connection, so that kicks and closing reach it. It does not listen yet."""
        self.connections.add(connection)
        connection.delivery.enter()
        if self._activity is not None:
            self._activity.entered()

    def leave(self, connection: Connection) -> None:
        """Removes a connection; nothing is sent to it from here on. Harmless if it has left before."""
        self.connections.discard(connection)
        self._broadcaster.leave(connection)
        if self._activity is not None:
            self._activity.left(connection)

    def listen(self, connection: Connection, cursor: int, change_cursor: int | None = None, held_from: int = 0) -> None:
        """From here on the connection is sent every message from id `cursor` on, in order, each once.

        One that listens already is moved to that cursor. Ignored for one that has left.

        Arguments:
            change_cursor, held_from: see `Delivery.listen`.
        """
        if connection in self.connections:
            self._broadcaster.listen(connection, cursor, change_cursor, held_from)

    def want(self, connection: Connection, wanted: list[frames.Wanted]) -> None:
        """The connection, which is in the room, is told these states from here on. A room in which none is has no cost."""
        if self._activity is None and wanted:
            self._activity = ActivityRounds(self, self._members)
            self._nursery.start_soon(self._activity.run)
        if self._activity is not None and connection in self.connections:
            self._activity.want(connection, wanted)

    def types(self, connection: Connection, *, typing: bool) -> None:
        """The user of this connection is typing, or has sent what they typed."""
        if self._activity is not None:
            (self._activity.typed if typing else self._activity.stopped)(connection.user.user_id)

    def standing_changed(self, user_id: str) -> None:
        """A user may have been muted in the room, or may post again."""
        if self._activity is not None:
            self._activity.standing_changed(user_id)

    async def cursor_after(self, after_id: int) -> int:
        """The cursor of a client that has the messages up to `after_id`.

        Raises:
            StoreError
        """
        if after_id > self.last_id:
            # The client may have read, from the store, messages that are durable and not broadcast yet. Ids beyond those do not
            # exist: a client that waited there would miss all messages before.
            after_id = min(after_id, await self.stored.last_id())
        return max(0, after_id) + 1

    def change_cursor_after(self, after_change: int) -> int:
        """The same for changes. What the client may have read from the store beyond the room is sent again, which it ignores."""
        return min(after_change, self.change_id)

    def rewind_changes(self, connection: Connection, change_id: int, first_id: int) -> None:
        """Sends the changes after `change_id` again, if the connection listens to changes and has got later ones.

        To be called after a reply with messages from the store: a change that was sent while they were read is not in them.

        Arguments:
            change_id: the `change_id` of the room before they were read.
            first_id: the first of the messages.
        """
        if connection in self.connections:
            self._broadcaster.rewind_changes(connection, change_id, first_id)

    def offer(self, connection: Connection, frame: bytes) -> bool:
        """Sends a frame to a connection, unless that is behind, or has left; returns whether it was sent."""
        return connection in self.connections and self._broadcaster.offer(connection, frame)

    def reply(self, connection: Connection, frame: bytes) -> None:
        """Sends a frame to one connection, at once or as soon as its socket takes it. Ignored for one that has left.

        The frame must be in flight already (`Delivery.expect_reply`), and is until it is sent.
        """
        if connection in self.connections:
            self._broadcaster.reply(connection, frame)

    # --- the log

    def publish(self, entries: list[tuple[int, bytes]]) -> None:
        """Durable messages (id, frame). Those whose turn it is are appended to the log and sent; later ones wait."""
        limits = self.settings.limits
        self.log.max_messages, self.log.max_bytes = limits.tail_messages, limits.tail_bytes
        if self._arrivals.post(entries):
            self._show()
        self._fill_gaps()

    def receive(self, messages: Iterable[Message]) -> None:
        """As `publish`, for messages that another daemon has stored."""
        self.publish(
            [
                (each.message_id, frames.latest_message(frames.as_json(each, self.emails)))
                for each in messages
                if each.message_id > self.last_id
            ]
        )

    def change(self, changed: Sequence[ChangedMessage]) -> None:
        """Durable changed messages. Those whose turn it is replace the ones in the log and are sent; later ones wait."""
        if self._arrivals.change(changed):
            self._show()
        self._fill_gaps()

    def receive_changes(self, changed: Sequence[ChangedMessage], up_to: int) -> None:
        """All changes up to the number `up_to` that the room lacked, but for those that later ones replace."""
        if self._arrivals.read(changed, up_to):
            self._show()

    def skip_removed(self) -> None:
        """Messages before `first_id` that the room lacks are gone: it goes on there."""
        if self._arrivals.skip_removed(self.first_id):
            self._show()

    def reaches(self, last_id: int = 0, change_id: int = 0) -> None:
        """The log in the store is known to reach this message and this change. What the room lacks it reads."""
        self._arrivals.reaches(last_id, change_id)
        self._fill_gaps()

    def _apply(self, changed: ChangedMessage) -> None:
        message = frames.as_json(changed.message, self.emails)
        reactions = frames.reactions_changed(changed.message) if changed.only_reactions else None
        entry = ChangeEntry(
            changed.message.change_id, changed.message.message_id, frames.message_changed(message), reactions
        )
        hold = self._broadcaster.change_listeners > self.settings.limits.reactions_live_listeners
        self.log.change(entry, frames.latest_message(message), hold=hold, is_next=True)
        if self.log.changes.has_held:
            self._held.set()

    def _show(self) -> None:
        """The log has something new."""
        self._tails.changed(self.log)
        self._broadcaster.wake()

    def _fill_gaps(self) -> None:
        if self._exists and not self._arrivals.is_complete:
            self._gaps.start(self._nursery)

    def recent(self, first_id: int, last_id: int) -> list[bytes] | None:
        """The frames of those of these ids, both included, that exist; None if only the store knows them all."""
        if max(first_id, self.first_id) < self.log.first_id or (self._messages.shared and last_id > self.log.last_id):
            return None
        return self.log.between(first_id, last_id)

    def forget_tail(self) -> None:
        """Drops the frames in memory, since they show an old name, or an address that is not shown any more.

        Readers that are behind get the messages from the store.
        """
        self.outdated += 1
        self._arrivals.forget()
        self.log.forget()
        self._tails.shrunk(self.log)

    def forget_author(self, user_id: str) -> None:
        """As `forget_tail`, if there are messages of this user in memory, or may be soon: those show the user's address.

        Otherwise anyone could make all readers wait for the store, by leaving rooms.
        """
        if not self._arrivals.is_complete or not self._opened.is_set() or self.log.contains(frames.author(user_id)):
            self.forget_tail()

    def begins_at(self, first_id: int) -> None:
        """All messages before `first_id` have been removed from the store."""
        self.first_id = max(self.first_id, first_id)
        self.log.drop_before(self.first_id)
        self._tails.shrunk(self.log)
