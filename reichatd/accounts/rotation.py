"""Refresh tokens that are good once: each refresh returns the next one.

A session's first refresh token is random. The later ones are made from the session's id and their number (`Keys.rotated_token`), so
that none is stored, and a client whose answer was lost gets the same successor again. A token that comes back later was copied: the
session ends, for the thief as for the owner.
"""

from typing import TYPE_CHECKING

import structlog
import trio

from reichatd.accounts.dependencies import Dependencies
from reichatd.accounts.sessions import LoginTokens
from reichatd.audit import Event
from reichatd.errors import Unauthorized
from reichatd.mail import messages
from reichatd.store import RotateOutcome, Session

if TYPE_CHECKING:
    from reichatd.accounts.notices import Notices
    from reichatd.accounts.sessions import Sessions

log = structlog.get_logger()


class Rotation:
    """Refreshes sessions with tokens that are good once. Any task may call it."""

    def __init__(self, on: Dependencies, *, sessions: "Sessions", notices: "Notices") -> None:
        self._auth = on.auth
        self._keys = on.keys
        self._store = on.store
        self._sessions = sessions
        self._notices = notices
        self._clock = on.clock
        self._audit = on.audit

    async def refresh(self, refresh_token: str, *, client: str) -> LoginTokens:
        """Returns a new access token and the next refresh token; the one that was presented is invalid after a moment.

        Raises:
            Unauthorized: this is no refresh token, or its session has ended. A token that was replaced before ends its session.
            StoreError
        """
        session, generation = await self._sessions.of_refresh_token(refresh_token)
        grace = self._auth.rotation_grace_seconds
        with trio.CancelScope(shield=True):
            outcome = await self._store.sessions.rotate(session.session_id, generation, self._clock(), grace)
            if outcome is RotateOutcome.REUSED:
                self._sessions.live.sessions_ended([session.session_id])
        match outcome:
            case RotateOutcome.ROTATED | RotateOutcome.REPEATED:
                successor = self._keys.rotated_token(session.session_id, generation + 1)
                return LoginTokens(session.user_id, self._sessions.access_token(session), successor)
            case RotateOutcome.REUSED:
                await self._warn(session, client)
        raise Unauthorized("Invalid token")

    async def _warn(self, session: Session, client: str) -> None:
        log.warning("refresh token used twice, login ended", user_id=session.user_id, client=client)
        await self._audit.record(Event.REFRESH_TOKEN_REUSED, None, user_id=session.user_id, client=client)
        user = await self._store.users.by_id(session.user_id)
        if user is not None:
            await self._notices.send(user, messages.token_reused(session.device), client=client)
