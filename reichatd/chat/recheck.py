"""Rechecks whether the users of open sockets may still have them.

The hub is notified at once of changes that this daemon makes. Changes by another daemon on the same store, or by a command that
works on the store itself, are found here.
"""

import structlog
import trio

from reichatd.chat.hub import Hub
from reichatd.chat.user_states import Follower
from reichatd.store import Store, StoreError

_BATCH = 500
"""Sockets in one query."""

log = structlog.get_logger()


async def recheck_sockets(hub: Hub, store: Store, seconds: float) -> None:
    """Closes sockets whose login session or membership has ended, and tells users' sockets of rooms that were joined, left or
    written in; checks every `seconds`, until cancelled."""
    while True:
        await trio.sleep(seconds)
        try:
            await _recheck_sessions(hub, store)
            await _recheck_members(hub, store)
            for followers in hub.news.of_users():
                await _recheck_rooms(hub, store, followers)
        except StoreError as error:
            log.warning("recheck of open sockets failed, retried later", error=str(error))


async def _recheck_sessions(hub: Hub, store: Store) -> None:
    session_ids = hub.sockets.session_ids()
    for start in range(0, len(session_ids), _BATCH):
        some = session_ids[start : start + _BATCH]
        if ended := set(some) - await store.sessions.living(some):
            hub.sessions_ended(ended)


async def _recheck_members(hub: Hub, store: Store) -> None:
    members = list(dict.fromkeys(hub.members()))
    for start in range(0, len(members), _BATCH):
        some = members[start : start + _BATCH]
        for member, mark in zip(some, await store.messages.read_marks(some), strict=True):
            if mark is None:
                hub.member_removed(*member)


async def _recheck_rooms(hub: Hub, store: Store, followers: list[Follower]) -> None:
    """For the sockets of one user."""
    user_id, moves = followers[0].connection.user.user_id, [follower.moves for follower in followers]
    progress = await store.rooms.progress(user_id) if store.messages.shared else []
    found = progress if store.messages.shared else await store.rooms.joined_summaries(user_id)
    room_ids = [each.room_id for each in found]
    for follower, before in zip(followers, moves, strict=True):
        hub.news.reconcile(follower, room_ids, before)
    for each in progress:
        hub.news.moved(each.room_id, last_id=each.last_id, change_id=each.change_id)
