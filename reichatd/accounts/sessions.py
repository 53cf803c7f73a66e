"""Login sessions: their tokens and tickets."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import trio
from msgspec import Struct

from reichatd.accounts import keys
from reichatd.accounts.dependencies import Dependencies
from reichatd.accounts.program_tokens import is_program_token, is_well_formed
from reichatd.accounts.session_cache import CacheInvalidator, Identity, SessionCache
from reichatd.accounts.tickets import Tickets
from reichatd.accounts.tokens import AccessTokens, Claims
from reichatd.accounts.uses import SessionUses
from reichatd.audit import Event
from reichatd.errors import InvalidCode, InvalidPassword, Unauthorized
from reichatd.rate_limits import network_of
from reichatd.rights import UserActor
from reichatd.store import Session, User

if TYPE_CHECKING:
    from reichatd.live import LiveConnections

_MINUTE = 60.0
_DAY = 86_400.0


class LoginTokens(Struct, frozen=True):
    """What a client gets when it logs in."""

    user_id: str
    access_token: str
    refresh_token: str


class SocketTicket(Struct, frozen=True):
    """Opens one WebSocket, within `expires_in` seconds."""

    ticket: str
    expires_in: int


class Sessions:
    """The login sessions, however the user proved who they are (`Logins`).

    Every method may be called from any task. A handler may be cancelled at any await. So each method makes its change in one step
    of the store, after all checks. Where live connections must be notified, that step and the notification are shielded together;
    the store has its own deadline.

    Errors: in addition to those named at each method, `StoreError`.

    Arguments:
        live: is notified of sessions that have ended.
    """

    def __init__(self, on: Dependencies, *, live: "LiveConnections") -> None:
        self._auth = on.auth
        self._settings = on.settings
        self._keys = on.keys
        self._tokens = AccessTokens(on.keys.access_tokens, on.auth.access_token_minutes * _MINUTE)
        self._store = on.store
        self._clock = on.clock
        self._audit = on.audit
        self.cache = SessionCache(on.auth.session_cache_seconds)
        """For what changes sessions without a call of `live`."""
        self.live: LiveConnections = CacheInvalidator(self.cache, live)
        """For other parts that change users or sessions, in place of the `live` given here: it clears the session cache first."""
        self._tickets = Tickets(on.keys, on.auth.ticket_seconds, on.auth.tickets_per_session, on.store.tickets.epoch)
        self.uses = SessionUses(on.store.sessions, on.clock())

    async def start(
        self,
        user: User,
        *,
        client: str,
        device: str = "",
        app_password_id: str = "",
        session_id: str = "",
        detail: str = "",
    ) -> LoginTokens:
        """Starts a session of a user who has just proved who they are; other devices keep theirs.

        Arguments:
            client: the address that the login came from.
            device: what the client says of itself, in short.
            app_password_id: the app password that the user logged in with; "" without one.
            session_id: for a login that can begin one session only, its id.
            detail: for the audit log: how the user logged in, if not with a password.

        Raises:
            InvalidPassword: the password was changed, the app password deleted, or the user disabled, during the login.
            InvalidCode: there is a session with this id already.
        """
        now, refresh_token = self._clock(), keys.new_refresh_token()
        session = Session(
            session_id=session_id or keys.new_id(),
            user_id=user.user_id,
            refresh_hash=self._keys.refresh_hash(refresh_token),
            created_at=now,
            expires_at=now + self._auth.refresh_token_days * _DAY,
            network=self._network(client),
            device=device,
            address=client if self._settings.whole.log.addresses else "",
            used_at=now,
            app_password_id=app_password_id,
        )
        await self._store.sessions.create(session)
        await self._refuse_outdated_login(session, user)
        await self._audit.record(Event.LOGIN, UserActor(user.user_id, session.session_id, client), detail=detail)
        return LoginTokens(user.user_id, self._tokens.make(session, now), refresh_token)

    async def is_known_client(self, email: str, client: str) -> bool:
        """Whether the user with this address has a login session that began at this client: strangers cannot lock it out."""
        return await self._store.sessions.is_known_network(email, self._network(client))

    async def is_alive(self, identity: Identity) -> bool:
        """Whether this session has not ended, by the store itself: the cache of a daemon may be some seconds old."""
        session_id = identity.session.session_id
        return session_id in await self._store.sessions.living([session_id])

    def forget_cached(self) -> None:
        """Empties the cache: a user has changed. Does not wait."""
        self.cache.forget_all()

    async def refresh(self, refresh_token: str) -> str:
        """Returns a new access token for the session of a refresh token.

        Raises:
            Unauthorized: this is no refresh token, or its session has ended, or has rotated its token (`Rotation`).
        """
        session, generation = await self.of_refresh_token(refresh_token)
        if generation or session.generation:
            raise Unauthorized("Invalid token")
        return self.access_token(session)

    def access_token(self, session: Session) -> str:
        """Returns a new access token for a session. Does not wait."""
        return self._tokens.make(session, self._clock())

    async def of_refresh_token(self, token: str) -> tuple[Session, int]:
        """Returns the session of a refresh token, and which one of the session's tokens it is: 0 for the first.

        Raises:
            Unauthorized: this is no refresh token, or its session has ended.
        """
        if (rotated := self._keys.read_rotated(token)) is not None:
            session_id, generation = rotated
            found = await self._store.sessions.get(session_id)
            session = None if found is None else found[0]
        else:
            session, generation = await self._store.sessions.by_refresh_hash(self._keys.refresh_hash(token)), 0
        now = self._clock()
        if session is None or session.is_token or session.expires_at <= now:
            raise Unauthorized("Invalid token")
        self.uses.note([session.session_id], now)
        return session, generation

    async def authenticate(self, access_token: str) -> Identity:
        """Returns the user and session of an access token, or of a token for programs.

        This takes one read of the store, or none if the session is cached.

        Raises:
            Unauthorized: the token is not ours or has expired, or its session has ended.
        """
        now = self._clock()
        if is_program_token(access_token):
            return await self._authenticate_program(access_token, now)
        claims = self._tokens.read(access_token, now)
        identity = await self.of_session(claims.session_id)
        if identity.user.user_id != claims.user_id:
            raise Unauthorized("Invalid token")
        return identity

    async def of_session(self, session_id: str) -> Identity:
        """As `authenticate`, of a session that a token or a ticket has named.

        Raises:
            Unauthorized: the session has ended.
        """
        now = self._clock()
        identity = self.cache.get(session_id, now) or await self._read_identity(session_id, now)
        if identity.session.expires_at <= now:
            raise Unauthorized("Invalid token")
        self.uses.note([session_id], now)
        return identity

    async def store_uses(self, open_sessions: Iterable[str]) -> None:
        """Housekeeping: stores when sessions were last in use.

        Arguments:
            open_sessions: the ids of sessions that are in use now: they have an open socket, say.
        """
        now = self._clock()
        self.uses.note(open_sessions, now)
        await self.uses.store(now)

    async def _authenticate_program(self, token: str, now: float) -> Identity:
        if not is_well_formed(token):
            raise Unauthorized("Invalid token")
        token_hash = self._keys.token_hash(token)
        session_id = keys.token_session_id(token_hash)
        identity = self.cache.get(session_id, now) or await self._read_identity(session_id, now)
        session = identity.session
        if session.expires_at <= now or not keys.equal_hashes(session.refresh_hash, token_hash):
            raise Unauthorized("Invalid token")
        self.uses.note([session_id], now)
        return identity

    async def ticket(self, identity: Identity) -> SocketTicket:
        """Returns a ticket with which this login session can open one WebSocket, at any daemon on the store.

        The store is asked only if the session has many unused tickets: other daemons may have taken some.

        Raises:
            Unavailable: the session has too many unused tickets.
        """
        session_id = identity.session.session_id
        if unused := self._tickets.unused(session_id, trio.current_time()):
            for number in await self._store.tickets.used(unused):
                self._tickets.used(number)
        ticket = self._tickets.issue(session_id, self._clock(), trio.current_time())
        return SocketTicket(ticket, self._auth.ticket_seconds)

    async def redeem(self, ticket: str) -> str:
        """Uses up a ticket, and returns the id of its session, for `of_session`. The store is asked only for tickets of ours.

        Raises:
            Unauthorized: this is no ticket of ours, or it is too old or already used.
        """
        read = self._tickets.read(ticket, self._clock(), trio.current_time())
        self._tickets.used(read.number)
        if not await self._store.tickets.use(read.number, read.expires_at):
            raise Unauthorized("Invalid ticket")
        return read.session_id

    def is_operator(self, proof: str) -> bool:
        """Whether this proof was made with the daemon's secret (`Keys.proof`). Does not wait."""
        return self._keys.proves(proof, self._clock())

    async def logout(self, token: str, *, client: str = "") -> None:
        """Ends the session of an access or a refresh token, and closes its sockets.

        Arguments:
            client: the address that the request came from; "" if it is not known.

        Raises:
            Unauthorized: it is neither, or the session has ended already.
        """
        claims = await self._claims_of(token)
        with trio.CancelScope(shield=True):
            if not await self._store.sessions.end(claims.session_id):
                raise Unauthorized("Invalid token")
            self.live.sessions_ended([claims.session_id])
        await self._audit.record(Event.LOGOUT, UserActor(claims.user_id, claims.session_id, client))

    def _network(self, client: str) -> str:
        """The network of a client as it is stored with sessions: with `log.addresses = false`, only a keyed hash."""
        network = network_of(client)
        return network if self._settings.whole.log.addresses else self._keys.network_hash(network)

    async def _read_identity(self, session_id: str, now: float) -> Identity:
        changes = self.cache.changes
        found = await self._store.sessions.get(session_id)
        if found is None:
            raise Unauthorized("Invalid token")
        session, user = found
        identity = Identity(user, session)
        self.cache.keep(identity, now, changes)
        return identity

    async def _refuse_outdated_login(self, session: Session, user: User) -> None:
        """Ends a new session if the password was changed, the app password deleted, or the user disabled, during the login.

        A change of password ends the sessions that it finds. A session stored after that, by the old password, is found here by
        the new hash.
        """
        found = await self._store.sessions.get(session.session_id)
        if found is not None and found[0].refresh_hash != session.refresh_hash:
            raise InvalidCode  # that session stays
        outdated = found is None or found[1].password_hash != user.password_hash
        if session.app_password_id and not outdated:
            outdated = not await self._store.app_passwords.used(session.app_password_id, session.created_at)
        if outdated:
            await self._store.sessions.end(session.session_id)
            raise InvalidPassword

    async def _claims_of(self, token: str) -> Claims:
        """The user and the session of an access or a refresh token."""
        try:
            return self._tokens.read(token, self._clock())
        except Unauthorized:
            session, _ = await self.of_refresh_token(token)
            return Claims(session.user_id, session.session_id)
