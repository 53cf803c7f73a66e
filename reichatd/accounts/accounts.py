"""Accounts: from registration to logout."""

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import trio
from msgspec import Struct

from reichatd.accounts import codes, fields, keys
from reichatd.accounts.session_cache import CacheInvalidator, Identity, SessionCache
from reichatd.accounts.tickets import Tickets
from reichatd.accounts.tokens import AccessTokens
from reichatd.errors import (
    Invalid,
    InvalidPassword,
    RateLimited,
    ReichatError,
    Unauthorized,
    Unavailable,
    UserDisabled,
    UserExists,
    UserNotFound,
    VerificationNotFound,
)
from reichatd.mail import verification_mail
from reichatd.rate_limits import Action, network_of
from reichatd.store import ConfirmedCode, RegisterOutcome, Registration, Session, StoreError, User
from reichatd.text import normal

if TYPE_CHECKING:
    from reichatd.accounts.passwords import Passwords
    from reichatd.live import LiveConnections
    from reichatd.mail import Outbox
    from reichatd.rate_limits import RateLimiter
    from reichatd.settings import AuthSettings, LiveSettings
    from reichatd.store import Store

MINUTE = 60.0
DAY = 86_400.0

_LOGIN_ERRORS = (UserNotFound, InvalidPassword, UserDisabled, Unavailable, RateLimited)
"""Errors of a login that the metrics show at 0 from the start: a rate needs a first value."""


class LoginTokens(Struct, frozen=True):
    """What a client gets when it logs in."""

    user_id: str
    access_token: str
    refresh_token: str


class SocketTicket(Struct, frozen=True):
    """Opens one WebSocket, within `expires_in` seconds."""

    ticket: str
    expires_in: int


class Accounts:
    """What users can do with their accounts. Every method may be called from any task.

    A handler may be cancelled at any await. So each method makes its change in one step of the store, after all checks. Where live
    connections must be notified, that step and the notification are shielded together; the store has its own deadline.

    Errors: in addition to those named at each method, `Unavailable` where a password is hashed or verified, `RateLimited` where the
    method takes a `client`, and `StoreError`.

    `client` is the address that a request came from. Limits are asked before anything is hashed, stored or queued.

    Arguments:
        auth: how long tokens, sessions and codes are valid, and how many tries a code has.
        settings: of these, the limits of names and passwords.
        secret: at least `MIN_SECRET_BYTES`, else ValueError.
        store, passwords, outbox, limiter, live: other parts, not owned.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        auth: "AuthSettings",
        settings: "LiveSettings",
        secret: bytes,
        store: "Store",
        passwords: "Passwords",
        outbox: "Outbox",
        limiter: "RateLimiter",
        live: "LiveConnections",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.logins: Counter[str] = Counter({"ok": 0} | {error.code: 0 for error in _LOGIN_ERRORS})
        """How many logins had which outcome: "ok", or the code of the error."""
        self._auth = auth
        self._settings = settings
        self._keys = keys.Keys(secret)
        self._tokens = AccessTokens(self._keys.access_tokens, auth.access_token_minutes * MINUTE)
        self._store = store
        self._passwords = passwords
        self._outbox = outbox
        self._limiter = limiter
        self._clock = clock
        self._sessions = SessionCache(auth.session_cache_seconds)
        self.live: LiveConnections = CacheInvalidator(self._sessions, live)
        """For other parts that change users or sessions, in place of the `live` given here: it clears the session cache first."""
        self._tickets = Tickets(auth.ticket_seconds, auth.tickets_per_session)

    @property
    def code_by(self) -> Literal["mail", "console"]:
        """How a verification code reaches the user: by mail, or printed where the daemon runs (`mail.backend`)."""
        return "console" if self._outbox.backend == "console" else "mail"

    async def register(self, email: str, password: str, username: str, *, client: str) -> None:
        """Stores a registration in addition to others of the address, and queues the mail with its code.

        Beyond `auth.pending_registrations` the oldest one is removed. Refusing the new one instead would let a stranger keep
        someone from registering, with a few registrations every ten minutes. Without its mail, none is stored.

        Raises:
            InvalidFields: with every problem of the three fields.
            UserExists: a user has this address.
            Unavailable: too many mails wait to be sent.
        """
        registrant = fields.registrant(self._settings.limits, email, password, username)
        address = registrant.email
        # An address that has an account counts as well: else the answers would tell at any speed which addresses have one.
        subject = _mailbox(address.normal)
        await self._limiter.require(Action.MAIL, client=client, subject=subject)
        try:
            # The store decides below; this check saves the hashing.
            if await self._store.users.by_email(address.normal) is not None:
                raise UserExists
            await self._register(registrant, password, client)
        except (Unavailable, StoreError):
            await self._limiter.give_back(Action.MAIL, client=client, subject=subject)
            raise

    async def _register(self, registrant: fields.Registrant, password: str, client: str) -> None:
        address, minutes = registrant.email, self._auth.verification_code_minutes
        with self._outbox.reserve(to=address.deliverable):
            code = await self._store_registration(registrant, await self._passwords.hash(password, client=client))
            message = verification_mail(
                sender=self._outbox.sender,
                to=address.deliverable,
                username=registrant.username,
                code=code,
                minutes=minutes,
            )
            # No await between the registration and its mail.
            self._outbox.enqueue(message, seconds=minutes * MINUTE, group=network_of(client))

    async def _store_registration(self, registrant: fields.Registrant, password_hash: str) -> str:
        """Stores a registration and returns its code, which no other registration of the address has."""
        expires_at = self._clock() + self._auth.verification_code_minutes * MINUTE
        while True:
            code = keys.new_code()
            registration = Registration(
                email=registrant.email.normal,
                username=registrant.username,
                password_hash=password_hash,
                code_hash=self._keys.code_hash(registrant.email.normal, code),
                tries_left=self._auth.verification_tries,
                expires_at=expires_at,
            )
            match await self._store.users.register(registration, self._auth.pending_registrations):
                case RegisterOutcome.REGISTERED:
                    return code
                case RegisterOutcome.USER_EXISTS:
                    raise UserExists

    async def verify(self, email: str, code: str, *, client: str) -> None:
        """Turns a registration into a user, by the code from its mail (OWASP ASVS 6.6.2: the code is valid for no other).

        A repeated call, because its answer was lost, succeeds and changes nothing while the code would still be valid.

        Raises:
            VerificationNotFound: there is no registration of this address, or no longer.
            InvalidCode: the code is wrong or too old, or too many codes were tried for this address.
        """
        address, now = fields.known_form(email), self._clock()
        # Before a try is taken: a stranger uses up a few tries of an address, and then no more for an hour.
        async with self._limiter.guess(Action.VERIFY, client=client, subject=_folded(address or email)):
            await self._confirm(address, code, now)

    async def _confirm(self, address: str, code: str, now: float) -> None:
        ends_at = now + self._auth.verification_code_minutes * MINUTE
        attempt = await self._store.users.take_try(address, now, ends_at) if address else None
        if attempt is None:
            raise VerificationNotFound
        typed = codes.normal(code)
        found = codes.find(attempt, lambda email: self._keys.code_hash(email, typed), now)
        if isinstance(found, ConfirmedCode):
            return
        if not await self._store.users.confirm(found, found.confirmed(keys.new_id(), now)):
            raise VerificationNotFound

    async def login(self, email: str, password: str, *, client: str) -> LoginTokens:
        """Starts a login session; other devices keep theirs.

        Raises:
            UserNotFound: no user has this address.
            InvalidPassword: this is not the user's password.
            UserDisabled: the password is right, but the account is disabled.
        """
        try:
            login = await self._log_in(email, password, client)
        except ReichatError as error:
            self.logins[error.code] += 1
            raise
        self.logins["ok"] += 1
        return login

    async def is_known_client(self, email: str, client: str) -> bool:
        """Whether the user with this address has a login session that began at this client: strangers cannot lock it out."""
        return await self._store.sessions.is_known_network(email, network_of(client))

    async def _log_in(self, email: str, password: str, client: str) -> LoginTokens:
        address = fields.known_form(email)
        known = await self.is_known_client(address, client) if address else False
        # Whether the account exists or not: the limit must not tell.
        async with self._limiter.guess(Action.LOGIN, client=client, subject=_folded(address or email), known=known):
            user = await self._store.users.by_email(address) if address else None
            if user is None:
                if fields.is_short_enough(self._settings.limits, password):
                    await self._passwords.verify_dummy(password, client=client)
                raise UserNotFound
            await self._check_password(user, password, client)
        if user.disabled:
            raise UserDisabled
        now, refresh_token = self._clock(), keys.new_refresh_token()
        session = Session(
            session_id=keys.new_id(),
            user_id=user.user_id,
            refresh_hash=self._keys.refresh_hash(refresh_token),
            created_at=now,
            expires_at=now + self._auth.refresh_token_days * DAY,
            network=network_of(client),
        )
        await self._store.sessions.create(session)
        await self._refuse_outdated_login(session, user)
        return LoginTokens(user.user_id, self._tokens.make(session, now), refresh_token)

    async def refresh(self, refresh_token: str) -> str:
        """Returns a new access token for the session of a refresh token.

        Raises:
            Unauthorized: this is no refresh token, or its session has ended.
        """
        session = await self._session_of_refresh_token(refresh_token)
        return self._tokens.make(session, self._clock())

    async def authenticate(self, access_token: str) -> Identity:
        """Returns the user and session of an access token: by one read of the store, or none if the session is cached.

        Raises:
            Unauthorized: the token is not ours or has expired, or its session has ended.
        """
        now = self._clock()
        claims = self._tokens.read(access_token, now)
        identity = self._sessions.get(claims.session_id, now) or await self._read_identity(claims.session_id, now)
        if identity.session.expires_at <= now or identity.user.user_id != claims.user_id:
            raise Unauthorized("Invalid token")
        return identity

    def ticket(self, identity: Identity) -> SocketTicket:
        """Returns a ticket with which this login session can open one WebSocket, at this daemon. Does not wait.

        Raises:
            Unavailable: the session has too many unused tickets.
        """
        session = identity.session
        ticket = self._tickets.issue(session.session_id, self._tokens.make(session, self._clock()), trio.current_time())
        return SocketTicket(ticket, self._auth.ticket_seconds)

    def redeem(self, ticket: str) -> str:
        """Returns the access token of a ticket, which is authenticated like any other. Does not wait.

        Raises:
            Unauthorized: this process has issued no such ticket, or it is too old or already used.
        """
        return self._tickets.redeem(ticket, trio.current_time())

    def is_operator(self, proof: str) -> bool:
        """Whether this proof was made with the daemon's secret (`Keys.proof`). Does not wait."""
        return self._keys.proves(proof, self._clock())

    async def logout(self, token: str) -> None:
        """Ends the session of an access or a refresh token, and closes its sockets.

        Raises:
            Unauthorized: it is neither, or the session has ended already.
        """
        session_id = await self._session_id_of(token)
        with trio.CancelScope(shield=True):
            if not await self._store.sessions.end(session_id):
                raise Unauthorized("Invalid token")
            self.live.sessions_ended([session_id])

    async def user(self, user_id: str) -> User:
        """Returns a user by id. Raises UserNotFound."""
        user = await self._store.users.by_id(user_id)
        if user is None:
            raise UserNotFound
        return user

    async def rename(self, identity: Identity, username: str) -> None:
        """Changes the user name, also on messages already written.

        Raises:
            InvalidFields: the name breaks a rule.
            Unauthorized: the user was deleted.
        """
        name = fields.new_username(self._settings.limits, username)
        user_id = identity.user.user_id
        with trio.CancelScope(shield=True):
            if not await self._store.users.rename(user_id, name):
                raise Unauthorized("Invalid token")
            self.live.user_renamed(user_id, name)

    async def change_password(self, identity: Identity, password: str, new_password: str, *, client: str) -> None:
        """Changes the password, and ends the user's other sessions with their sockets.

        Raises:
            InvalidFields: the new password is too short or too long.
            InvalidPassword: `password` is not the user's, or no longer.
            Invalid: the new password is the old one.
        """
        fields.check_new_password(self._settings.limits, new_password)
        user = identity.user
        known = await self.is_known_client(user.email, client)  # a stolen token may come from anywhere
        async with self._limiter.guess(Action.LOGIN, client=client, subject=_folded(user.email), known=known):
            await self._check_password(user, password, client)
        most = self._settings.limits.password_max
        if normal(new_password, most) == normal(password, most):
            raise Invalid("The new password is the old one")
        new_hash = await self._passwords.hash(new_password, client=client)
        with trio.CancelScope(shield=True):
            ended = await self._store.users.change_password(
                user.user_id, user.password_hash, new_hash, identity.session.session_id
            )
            if ended is None:
                raise InvalidPassword
            self._sessions.forget_all()
            self.live.sessions_ended(ended)

    async def delete_expired(self) -> None:
        """Housekeeping: removes expired registrations and sessions. Nothing depends on when it is called."""
        now = self._clock()
        await self._store.users.delete_expired(now)
        await self._store.sessions.delete_expired(now)

    async def _read_identity(self, session_id: str, now: float) -> Identity:
        changes = self._sessions.changes
        found = await self._store.sessions.get(session_id)
        if found is None:
            raise Unauthorized("Invalid token")
        session, user = found
        identity = Identity(user, session)
        self._sessions.keep(identity, now, changes)
        return identity

    async def _check_password(self, user: User, password: str, client: str) -> None:
        if not fields.is_short_enough(self._settings.limits, password):
            raise InvalidPassword
        whose = f"user {user.user_id}"
        if not await self._passwords.verify(user.password_hash, password, whose=whose, client=client):
            raise InvalidPassword

    async def _refuse_outdated_login(self, session: Session, user: User) -> None:
        """Ends a new session if the password was changed, or the user disabled, during the login.

        A change of password ends the sessions that it finds. A session stored after that, by the old password, is found here by
        the new hash.
        """
        found = await self._store.sessions.get(session.session_id)
        if found is None or found[1].password_hash != user.password_hash:
            await self._store.sessions.end(session.session_id)
            raise InvalidPassword

    async def _session_of_refresh_token(self, token: str) -> Session:
        session = await self._store.sessions.by_refresh_hash(self._keys.refresh_hash(token))
        if session is None or session.expires_at <= self._clock():
            raise Unauthorized("Invalid token")
        return session

    async def _session_id_of(self, token: str) -> str:
        try:
            return self._tokens.read(token, self._clock()).session_id
        except Unauthorized:
            return (await self._session_of_refresh_token(token)).session_id


def _folded(email: str) -> str:
    """What an e-mail address is counted by. Stores ignore case, so that every spelling is the same account."""
    return email.lower()


def _mailbox(email: str) -> str:
    """What mails to an address are counted by: for most servers, what follows a "+" is the same mailbox (RFC 5233)."""
    local, _, domain = _folded(email).rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
