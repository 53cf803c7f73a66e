"""Rechecks whether the users of open sockets may still have them.

The hub is notified at once of changes that this daemon makes. Changes by another daemon on the same store, or by a command that
works on the store itself, are found here.
"""

import structlog
import trio

from reichatd.chat.hub import Hub
from reichatd.store import MessageStore, SessionStore, StoreError

_BATCH = 500
"""Sockets in one query."""

log = structlog.get_logger()


async def recheck_sockets(hub: Hub, sessions: SessionStore, messages: MessageStore, seconds: float) -> None:
    """Closes sockets whose login session or membership has ended; checks every `seconds`, until cancelled."""
    while True:
        await trio.sleep(seconds)
        try:
            await _recheck_all(hub, sessions, messages)
        except StoreError as error:
            log.warning("recheck of open sockets failed, retried later", error=str(error))


async def _recheck_all(hub: Hub, sessions: SessionStore, messages: MessageStore) -> None:
    attachments = hub.attachments()
    for start in range(0, len(attachments), _BATCH):
        some = attachments[start : start + _BATCH]
        session_ids = {each.session_id for each in some}
        if ended := session_ids - await sessions.living(list(session_ids)):
            hub.sessions_ended(ended)
        members = list({(each.room_id, each.user_id) for each in some})
        for member, mark in zip(members, await messages.read_marks(members), strict=True):
            if mark is None:
                hub.member_removed(*member)
