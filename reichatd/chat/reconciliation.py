"""Compares what the daemon shows with what the store has.

The daemon's own changes, and what the store's feed tells, take effect at once. What is left is found here, a little later: while
the feed was interrupted, or where a store has none, other daemons and commands on the store itself may have made changes.

Whatever is read while the daemon itself makes a change of the same kind is read again: it may be from before the change.
"""

import math
from collections.abc import Container, Iterable, Iterator
from typing import TypeVar

import structlog
import trio

from reichatd.accounts import SessionCache
from reichatd.chat.hub import Hub
from reichatd.live import LiveConnections, RemovalReason
from reichatd.repeated_event import RepeatedEvent
from reichatd.settings import LiveSettings
from reichatd.store import Store, StoreError

_BATCH = 500
"""Logs, sockets or users in one query."""
_SEARCHES_PER_CHECKPOINT = 20
"""Tails of rooms that are searched for a user between two checkpoints, so that the other tasks run."""
_PAUSES_PER_FIRST_ID = 2
"""Pauses between comparisons of logs after which it is also read where logs without a key begin: every 10 s by default."""
_RETRY_SECONDS = 1.0

T = TypeVar("T")

log = structlog.get_logger()


class Reconciliation:
    """Reads from the store, and tells what has changed. All methods but `feed_opened` wait, and raise StoreError; any task may call
    them.

    Arguments:
        live: is told; the calls reach the hub.
        cache: the login sessions that were read.
        settings: of these, `limits.reconcile_seconds`.
    """

    def __init__(
        self, store: Store, hub: Hub, live: LiveConnections, cache: SessionCache, settings: LiveSettings
    ) -> None:
        self._store = store
        self._hub = hub
        self._live = live
        self._cache = cache
        self._settings = settings
        self._opened = RepeatedEvent()
        self._missed = False  # the feed may have missed something
        settings.on_change(self._opened.set)  # the pause may be shorter now

    async def run(
        self, recheck_seconds: float, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Compares again and again, until cancelled.

        Arguments:
            recheck_seconds: how often users, their sessions and rooms are compared. Logs are more often.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._compare_logs)
            nursery.start_soon(self._compare_users, recheck_seconds)
            if self._store.messages.shared:
                nursery.start_soon(self._identify_rooms)
            task_status.started()

    def feed_opened(self, *, whole: bool) -> None:
        """The store's feed tells what happens from now on. Does not wait.

        Arguments:
            whole: whether it has missed nothing.
        """
        self._missed |= not whole
        self._opened.set()

    # --- tasks

    async def _compare_logs(self) -> None:
        first_ids_at = -math.inf
        while True:
            pause = self._settings.limits.reconcile_seconds
            with trio.move_on_after(pause):
                await self._opened.wait()
            self._opened.clear()
            missed, self._missed = self._missed, False
            try:
                if missed:
                    await self._compare_all()
                await self.logs(self._hub.keys())
                if (now := trio.current_time()) >= first_ids_at + _PAUSES_PER_FIRST_ID * pause:
                    await self._first_ids()
                    first_ids_at = now
            except StoreError as error:
                log.warning("logs not compared with the store, retried", error=str(error))
                self._missed |= missed
                await trio.sleep(_RETRY_SECONDS)
                self._opened.set()

    async def _compare_users(self, seconds: float) -> None:
        while True:
            await trio.sleep(seconds)
            try:
                await self._sockets()
                await self.logs(self._hub.news.keys())
            except StoreError as error:
                log.warning("recheck of open sockets failed, retried later", error=str(error))

    async def _identify_rooms(self) -> None:
        """Reads the keys of rooms that users' sockets follow, then where their logs end: no post falls in between."""
        news = self._hub.news
        while True:
            await news.has_unidentified.wait()
            news.has_unidentified.clear()
            try:
                for some in _batches(news.unidentified()):
                    keys = await self._store.messages.log_keys(some)
                    for room_id in some:
                        news.identify(room_id, keys.get(room_id, ""))
                    await self.logs(keys.values())
            except StoreError as error:
                log.warning("followed rooms not read, retried", error=str(error))
                await trio.sleep(_RETRY_SECONDS)
                news.has_unidentified.set()

    async def _compare_all(self) -> None:
        """The feed has missed something: nothing that was read before counts."""
        self._cache.forget_all()
        for room in self._hub.rooms():
            room.forget_tail()
        await self._sockets()
        await self.users(dict.fromkeys(each.user.user_id for each in self._hub.sockets))
        await self.logs(self._hub.news.keys())
        self._hub.news.all_changed()

    async def _sockets(self) -> None:
        if ended := await self.ended(self._hub.sockets.session_ids()):
            self._live.sessions_ended(ended)
        await self.members(dict.fromkeys(self._hub.members()), may_have_changed=False)
        for user_id in self._hub.news.users():
            await self.rooms_of(user_id)

    # --- what there is to compare

    async def logs(self, keys: Iterable[str]) -> None:
        """Where logs begin and end. A log that is gone is that of a deleted room."""
        for some in _batches(keys):
            heads = await self._store.heads(some)
            for key in some:
                if (head := heads.get(key)) is None:
                    await self._end_log(key)
                    continue
                if (room := self._hub.with_key(key)) is not None:
                    room.begins_at(head.first_id)
                self._hub.log_reaches(key, last_id=head.last_id, change_id=head.change_id)

    async def _end_log(self, key: str) -> None:
        room_id = self._hub.news.room_id(key)
        users = [] if room_id is None else self._hub.news.users_in(room_id)
        self._hub.end_log(key)
        if room_id is not None and await self._store.messages.log_keys([room_id]):
            for user_id in users:  # they may be members of the room that has its id now
                await self.rooms_of(user_id)

    async def _first_ids(self) -> None:
        """Where the logs begin that have no key, in a store without a feed: commands may have removed old messages."""
        for some in _batches(room for room in self._hub.rooms() if not room.key):
            first_ids = await self._store.messages.first_ids([room.room_id for room in some])
            for room, first_id in zip(some, first_ids, strict=True):
                if first_id is not None:
                    room.begins_at(first_id)

    async def ended(self, session_ids: Iterable[str]) -> set[str]:
        """Those of these login sessions that have ended."""
        ended: set[str] = set()
        for some in _batches(session_ids):
            ended |= set(some) - await self._store.sessions.living(some)
        return ended

    async def members(
        self,
        members: Iterable[tuple[str, str]],
        *,
        kicked: Container[tuple[str, str]] = (),
        may_have_changed: bool = True,
    ) -> None:
        """Whether users are members of rooms, each as (room_id, user_id).

        Arguments:
            kicked: those who are no members since they were kicked, as far as it is known: of others, too, the store cannot tell.
            may_have_changed: whether those who are may have joined, or changed, a moment ago.
        """
        for some in _batches(members):
            unsettled = some
            while unsettled:
                with self._hub.moves.watched() as moved:
                    marks = dict(zip(unsettled, await self._store.messages.read_marks(unsettled), strict=True))
                    reasons = {
                        each: await self._reason(*each, kicked=each in kicked)
                        for each, mark in marks.items()
                        if mark is None
                    }
                for member in unsettled:
                    if member in moved:
                        continue
                    if member in reasons:
                        self._live.member_removed(*member, reasons[member])
                    elif may_have_changed:
                        self._hub.member_changed(*member)
                # Only these are read again: someone joins some room at any time.
                unsettled = [each for each in unsettled if each in moved]

    async def _reason(self, room_id: str, user_id: str, *, kicked: bool) -> RemovalReason:
        """Why a user is no member; the store is asked only if the user's sockets are told."""
        if self._hub.news.of_members(room_id, [user_id]) and await self._store.rooms.is_banned(room_id, user_id):
            return "banned"
        return "kicked" if kicked else "left"

    async def users(self, user_ids: Iterable[str]) -> None:
        """Names and addresses of users."""
        for some in _batches(user_ids):
            while True:
                renames = self._hub.renames
                users = await self._store.users.by_ids(some)
                if self._hub.renames == renames:
                    break
            for user_id, user in zip(some, users, strict=True):
                username, email = ("", "") if user is None else (user.username, user.email)
                self._hub.user_changed(user_id, username, email)
            searches = 0
            for room in self._hub.rooms():
                for user_id in some:
                    room.forget_author(user_id)
                    searches += 1
                    if searches % _SEARCHES_PER_CHECKPOINT == 0:
                        await trio.lowlevel.checkpoint()

    async def rooms_of(self, user_id: str) -> None:
        """The rooms that a user has joined, for the user's sockets."""
        news = self._hub.news
        while followers := news.of_user(user_id):
            moves = [follower.moves for follower in followers]
            room_ids = [each.room_id for each in await self._store.rooms.joined_summaries(user_id)]
            was_moved = moves != [follower.moves for follower in followers]
            for follower, before in zip(followers, moves, strict=True):
                news.reconcile(follower, room_ids, before)
            if not was_moved:
                return


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    everything = list(items)
    return (everything[start : start + _BATCH] for start in range(0, len(everything), _BATCH))
