"""What users see and end of their own login sessions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import trio
from msgspec.structs import replace

from reichatd.accounts.dependencies import Dependencies
from reichatd.audit import Event
from reichatd.errors import SessionNotFound

if TYPE_CHECKING:
    from reichatd.accounts.session_cache import Identity
    from reichatd.accounts.sessions import Sessions
    from reichatd.store import Session


class SessionList:
    """The login sessions of a user; tokens for programs are not among them. Any task may call it.

    Errors: in addition to those named at each method, `StoreError`.
    """

    def __init__(self, on: Dependencies, *, sessions: "Sessions") -> None:
        self._store = on.store
        self._sessions = sessions
        self._clock = on.clock
        self._audit = on.audit

    async def of(self, identity: "Identity") -> list["Session"]:
        """Returns the user's sessions, oldest first, with their last uses up to date."""
        now, uses = self._clock(), self._sessions.uses
        return [
            replace(session, used_at=uses.last_use(session))
            for session in await self._logins(identity)
            if session.expires_at > now
        ]

    async def end(self, identity: "Identity", session_id: str, *, client: str) -> None:
        """Ends a session of the user, and closes its sockets.

        Raises:
            SessionNotFound: the user has no such session, or it has ended.
        """
        known = [session.session_id for session in await self._logins(identity)]
        if session_id not in known or not await self._end(identity, [session_id], client):
            raise SessionNotFound

    async def end_others(self, identity: "Identity", *, client: str) -> None:
        """Ends all sessions of the user but this one, and closes their sockets."""
        known = [session.session_id for session in await self._logins(identity)]
        await self._end(identity, [each for each in known if each != identity.session.session_id], client)

    async def _logins(self, identity: "Identity") -> list["Session"]:
        return [each for each in await self._store.sessions.of_user(identity.user.user_id) if not each.is_token]

    async def _end(self, identity: "Identity", session_ids: Sequence[str], client: str) -> list[str]:
        with trio.CancelScope(shield=True):
            ended = await self._store.sessions.end_some(identity.user.user_id, session_ids)
            self._sessions.live.sessions_ended(ended)
        for _ in ended:
            await self._audit.record(Event.SESSION_ENDED, identity.actor, client=client)
        return ended
