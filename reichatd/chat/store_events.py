"""Follows what other daemons, and commands on the store itself, change in the store.

The store's feed has the messages themselves, which go to their rooms. All else is a hint: the store is asked how it is now, and
what it answers is told as if this daemon had made the change. So a hint that comes late, or twice, does no harm.
"""

from collections.abc import Mapping, Sequence

import structlog
import trio

from reichatd.accounts import SessionCache
from reichatd.chat.hints import Hints
from reichatd.chat.hub import Hub
from reichatd.chat.reconciliation import Reconciliation
from reichatd.live import LiveConnections
from reichatd.repeated_event import RepeatedEvent
from reichatd.settings import LiveSettings
from reichatd.store import Message, Store, StoreError
from reichatd.store.feed import (
    FeedEvent,
    FeedOpened,
    LogCut,
    MemberChanged,
    MentionsAdded,
    MessagesChanged,
    MessagesPosted,
    SessionEnded,
    UserChanged,
)

_RETRY_SECONDS = 0.5

log = structlog.get_logger()


class StoreEvents:
    """Owns the hints until they have been followed up.

    Arguments:
        live: is told; the calls reach the hub.
        cache: the login sessions that were read.
        reconciliation: finds what the feed has not told.
    """

    def __init__(
        self,
        store: Store,
        hub: Hub,
        live: LiveConnections,
        cache: SessionCache,
        settings: LiveSettings,
        reconciliation: Reconciliation,
    ) -> None:
        self._store = store
        self._hub = hub
        self._live = live
        self._cache = cache
        self._settings = settings
        self._reconciliation = reconciliation
        self._hints = Hints()
        self._wake = RepeatedEvent()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follows until cancelled. It starts when the feed is open, or cannot be opened for now."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._follow_up_all)
            await nursery.start(self._store.follow, self._hub.wants, self.tell)
            task_status.started()

    def tell(self, events: Sequence[FeedEvent]) -> None:
        """See `reichatd.store.feed.Tell`."""
        for event in events:
            match event:
                case MessagesPosted(log_key, messages):
                    self._posted(log_key, messages)
                case MessagesChanged(log_key, change_id):
                    self._hub.log_reaches(log_key, change_id=change_id)
                case MentionsAdded(log_key, message_id, by, user_ids):
                    if (room_id := self._hub.news.room_id(log_key)) is not None:
                        self._hub.news.mentioned(room_id, message_id, by, user_ids, everyone=False)
                case LogCut(log_key, first_id):
                    if (room := self._hub.with_key(log_key)) is not None:
                        room.begins_at(first_id)
                case FeedOpened(whole):
                    self._reconciliation.feed_opened(whole=whole)
                case MemberChanged(log_key, user_id, last_read_id) if last_read_id:
                    if (room_id := self._hub.news.room_id(log_key)) is not None:
                        self._hub.news.marks_moved({(room_id, user_id): last_read_id})
                case _:
                    if isinstance(event, SessionEnded):
                        self._cache.forget([event.session_id])
                    elif isinstance(event, UserChanged):
                        self._cache.forget_all()
                    self._hints.add(event)
                    self._wake.set()

    def _posted(self, log_key: str, messages: Sequence[Message]) -> None:
        if (room := self._hub.with_key(log_key)) is not None:
            room.receive(messages)
        news = self._hub.news
        if (room_id := news.room_id(log_key)) is not None:
            news.moved(room_id, last_id=messages[-1].message_id)
            for each in messages:
                extras = each.extras
                if extras.mentions or extras.mention_room:
                    news.mentioned(
                        room_id, each.message_id, each.user_id, extras.mentions, everyone=extras.mention_room
                    )

    # --- hints

    async def _follow_up_all(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            hints, self._hints = self._hints, Hints()
            try:
                await self._follow_up(hints)
            except StoreError as error:
                log.warning("changes of other daemons not read, retried", error=str(error))
                self._hints.add_all(hints)
                self._wake.set()
                await trio.sleep(_RETRY_SECONDS)
            else:
                await trio.sleep(self._settings.limits.follow_seconds)

    async def _follow_up(self, hints: Hints) -> None:
        check = self._reconciliation
        if hints.sessions or hints.users:
            of_users = [each.session.session_id for each in self._hub.sockets if each.user.user_id in hints.users]
            # Also if none has: a socket that is just being opened is not known here. Its session is read again then.
            self._live.sessions_ended(await check.ended(dict.fromkeys((*hints.sessions, *of_users))))
        if hints.deleted_logs:
            await check.logs(hints.deleted_logs)
        if hints.members:
            await self._members(hints.members)
        if hints.users:
            await check.users(hints.users)
        for log_key in hints.changed_logs:
            if (room_id := self._hub.news.room_id(log_key)) is not None:
                self._live.room_changed(room_id)

    async def _members(self, pairs: Mapping[tuple[str, str], bool]) -> None:
        """Follows up members, each as the key of a log and a user, with whether they were kicked."""
        members: dict[tuple[str, str], bool] = {}
        elsewhere: dict[str, None] = {}
        for (log_key, user_id), kicked in pairs.items():
            if (room_id := self._hub.room_id(log_key)) is not None:
                members[room_id, user_id] = kicked
            elif self._hub.news.of_user(user_id):
                elsewhere[user_id] = None  # in a room that no one here follows: the user may have joined it
        await self._reconciliation.members(members, kicked={each for each, kicked in members.items() if kicked})
        for user_id in elsewhere:
            await self._reconciliation.rooms_of(user_id)
