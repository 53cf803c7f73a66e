"""Tokens for programs: what users give to their scripts and bots in place of a password."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import trio

from reichatd.accounts import fields, keys
from reichatd.accounts.dependencies import Dependencies
from reichatd.accounts.program_tokens import new_token
from reichatd.audit import Event
from reichatd.errors import FieldProblem, InvalidFields, RoomNotFound, TokenNotFound, TooManyTokens, Unauthorized
from reichatd.rights import Scope, require_own_login
from reichatd.store import Session

if TYPE_CHECKING:
    from reichatd.accounts.session_cache import Identity
    from reichatd.accounts.sessions import Sessions

NEVER = 253_402_300_799.0
"""When a token expires that does not: at the end of the year 9999."""
MOST_ROOMS = 50
_DAY = 86_400.0


class ProgramAccess:
    """Tokens for programs. Every method may be called from any task. Each makes one change, in one step of the store.

    Such a token is a session of its user with a name, scopes and rooms. It ends when it is deleted or expires, when the password is
    reset or the user disabled; not with a change of the password.

    Errors: in addition to those named at each method, `StoreError`. `client` is the address that a request came from.
    """

    def __init__(self, on: Dependencies, *, sessions: "Sessions") -> None:
        self._settings = on.settings
        self._keys = on.keys
        self._store = on.store
        self._sessions = sessions
        self._clock = on.clock
        self._audit = on.audit

    async def create(
        self,
        identity: "Identity",
        name: str,
        scopes: Sequence[Scope],
        rooms: Sequence[str] | None = None,
        days: float | None = None,
        *,
        client: str,
    ) -> tuple[Session, str]:
        """Returns a new token: its record, and the token itself, which cannot be shown again.

        Arguments:
            rooms: the ids of the rooms that it is for; None for all, also those that the user joins later.
            days: how long it is valid; None for ever.

        Raises:
            Forbidden: the session began with an app password.
            InvalidFields: the name breaks a rule, or there are no scopes, no rooms or too many.
            RoomNotFound: one of the rooms does not exist, or is a direct conversation of others.
            TooManyTokens
            Unauthorized: the session has ended meanwhile.
        """
        require_own_login(identity.session.app_password_id)
        name = fields.label(name)
        self._check(scopes, rooms, days)
        for room_id in rooms or ():
            room = await self._store.rooms.head(room_id, identity.user.user_id)
            if room is None or (room.direct is not None and not room.is_member):
                raise RoomNotFound(f"Room not found: {room_id}")
        now, token = self._clock(), new_token()
        token_hash = self._keys.token_hash(token)
        session = Session(
            session_id=keys.token_session_id(token_hash),
            user_id=identity.user.user_id,
            refresh_hash=token_hash,
            created_at=now,
            expires_at=NEVER if days is None else now + days * _DAY,
            token_name=name,
            scopes=" ".join(scope.value for scope in Scope if scope in scopes),
            rooms=None if rooms is None else " ".join(dict.fromkeys(rooms)),
        )
        if not await self._store.sessions.create_token(session, self._settings.limits.tokens_per_user):
            raise TooManyTokens
        if not await self._sessions.is_alive(identity):
            # A reset of the password, for example, has ended this session: what it has just made must not stay.
            await self._store.sessions.end(session.session_id)
            raise Unauthorized("Invalid token")
        await self._audit.record(Event.TOKEN_CREATED, identity.actor, client=client, detail=name)
        return session, token

    def _check(self, scopes: Sequence[Scope], rooms: Sequence[str] | None, days: float | None) -> None:
        problems: list[FieldProblem] = []
        if not scopes:
            problems.append(FieldProblem("scopes", "must name at least one"))
        if rooms is not None and not 1 <= len(rooms) <= MOST_ROOMS:
            problems.append(FieldProblem("rooms", f"must name 1 to {MOST_ROOMS}; leave it out for all rooms"))
        if days is not None and not 0 < days <= fields.MOST_DAYS:
            problems.append(FieldProblem("days", f"must be more than 0, and at most {fields.MOST_DAYS}"))
        if problems:
            raise InvalidFields(problems)

    async def of(self, identity: "Identity") -> Sequence[Session]:
        """The user's tokens, oldest first. Their hashes are secret."""
        now = self._clock()
        sessions = await self._store.sessions.of_user(identity.user.user_id)
        return [
            msgspec.structs.replace(session, used_at=self._sessions.uses.last_use(session))
            for session in sessions
            if session.is_token and session.expires_at > now
        ]

    async def delete(self, identity: "Identity", token_id: str, *, client: str) -> None:
        """Deletes a token, and closes its sockets.

        Raises:
            TokenNotFound: the user has no such token.
        """
        if token_id not in {session.session_id for session in await self.of(identity)}:
            raise TokenNotFound
        with trio.CancelScope(shield=True):
            if not await self._store.sessions.end(token_id):
                raise TokenNotFound
            self._sessions.live.sessions_ended([token_id])
        await self._audit.record(Event.TOKEN_DELETED, identity.actor, client=client)
