"""Whether those with open sockets may still have them.

What this daemon changes its hub hears of at once. What another daemon changes in the same store, or a command that works on the
store itself, is found out here.
"""

import structlog
import trio

from reichatd.chat.hub import Hub
from reichatd.store import MessageStore, SessionStore, StoreError

_AT_ONCE = 500
"""Sockets in one question to the store."""

log = structlog.get_logger()


async def recheck_sockets(hub: Hub, sessions: SessionStore, messages: MessageStore, seconds: float) -> None:
    """Asks the store every so many seconds, until cancelled; closes sockets without a login session, or a membership, any more."""
    while True:
        await trio.sleep(seconds)
        try:
            await _recheck_all(hub, sessions, messages)
        except StoreError as error:
            log.warning("open sockets could not be rechecked, tried again later", error=str(error))


async def _recheck_all(hub: Hub, sessions: SessionStore, messages: MessageStore) -> None:
    places = hub.places()
    for start in range(0, len(places), _AT_ONCE):
        some = places[start : start + _AT_ONCE]
        asked = {place.session_id for place in some}
        if ended := asked - await sessions.living(list(asked)):
            hub.sessions_ended(ended)
        members = list({(place.room_id, place.user_id) for place in some})
        for member, mark in zip(members, await messages.read_marks(members), strict=True):
            if mark is None:
                hub.member_removed(*member)
