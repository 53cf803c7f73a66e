"""Logins by an OpenID provider: the use cases."""

import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import trio

from reichatd.accounts import fields
from reichatd.accounts.dependencies import Dependencies
from reichatd.accounts.oidc.handshake import Handshake, Person
from reichatd.accounts.oidc.names import username_of
from reichatd.accounts.oidc.provider import OidcClient, Provider
from reichatd.accounts.verified import confirm_at_once, verified_registration
from reichatd.audit import Event
from reichatd.errors import (
    AlreadyLinked,
    InvalidCode,
    ReichatError,
    TryAgainLater,
    Unavailable,
    UnverifiedEmail,
    UserDisabled,
    UserExists,
)
from reichatd.mail import messages
from reichatd.rate_limits import Action
from reichatd.rights import UserActor, require_own_login
from reichatd.store import OidcAccount, User

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from reichatd.accounts.invites import Invites
    from reichatd.accounts.logins import Logins
    from reichatd.accounts.notices import Notices
    from reichatd.accounts.session_cache import Identity
    from reichatd.accounts.sessions import LoginTokens, Sessions

CALLBACK = "oidc/callback"
"""Where the provider sends browsers, below server.public_url."""

_MINUTE = 60.0
_BY = "provider"
"""How the user logged in, in the audit log."""


class OidcLogins:
    """Logins by the provider that the settings name. Every method may be called from any task, and waits for network and store.

    `client` is the address that a request came from; `browser` the value of the browser's cookie (`handshake`).

    Errors: in addition to those named at each method, `Unavailable`, `RateLimited` and `StoreError`.

    Arguments:
        client: what was read from files for the provider.
        invites: decides who may get an account.
    """

    def __init__(
        self,
        on: Dependencies,
        *,
        client: OidcClient,
        invites: "Invites",
        notices: "Notices",
        sessions: "Sessions",
        logins: "Logins",
    ) -> None:
        self._settings = on.settings
        self._oidc = oidc = on.settings.whole.auth.oidc
        self._store = on.store
        self._passwords = on.passwords
        self._limiter = on.limiter
        self._invites = invites
        self._notices = notices
        self._sessions = sessions
        self._logins = logins
        self._clock = on.clock
        self._audit = on.audit
        self._handshake = Handshake(
            on.keys.oidc_states,
            on.keys.oidc_codes,
            state_seconds=oidc.login_minutes * _MINUTE,
            code_seconds=oidc.code_seconds,
        )
        self._provider = Provider(oidc, client, redirect_uri(on.settings.whole.server.public_url), on.clock)

    @property
    def name(self) -> str:
        """The provider's name, for people."""
        return self._oidc.name or urlsplit(self._oidc.issuer).hostname or ""

    @property
    def button(self) -> str:
        """The text of the button, if the settings have one."""
        return self._oidc.button

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach the daemon by TLS only, so that its cookies can demand it."""
        return urlsplit(self._settings.whole.server.public_url).scheme == "https"

    @property
    def cookie_seconds(self) -> int:
        """How long the browser needs its cookie."""
        return int(self._oidc.login_minutes * _MINUTE) + self._oidc.code_seconds

    async def begin(self, browser: str) -> str:
        """Returns the URL at the provider for a login."""
        return await self._provider.url_for(self._handshake.begin(browser, self._clock()))

    async def begin_link(self, identity: "Identity", password: str, browser: str, *, client: str) -> str:
        """Returns the URL at the provider that links the account there with this user.

        Raises:
            Forbidden: the session began with an app password.
            InvalidPassword: this is not the user's password.
        """
        require_own_login(identity.session.app_password_id)
        await self._logins.confirm_password(identity.user, password, client=client)
        attempt = self._handshake.begin(browser, self._clock(), identity.session.session_id)
        return await self._provider.url_for(attempt)

    async def finish(self, state: str, code: str, issuer: str | None, browser: str, *, client: str) -> str | None:
        """Takes what the provider sent with the browser. Returns a code for `redeem`; None if a link was asked for, and is made.

        Arguments:
            issuer: as the browser reports it; None if it does not.

        Raises:
            InvalidCode: the state or the code is not valid, or too old, or the provider's ID token is not to be trusted.
            AlreadyLinked: the account at the provider belongs to another user.
        """
        now = self._clock()
        async with self._guess(client):
            attempt = self._handshake.resume(state, browser, now)
            person = await self._provider.person(code, attempt, issuer)
        if not attempt.session_id:
            return self._handshake.make_code(person, browser, self._clock())
        await self._link(attempt.session_id, person, client)
        return None

    async def redeem(
        self, code: str, browser: str, *, client: str, device: str = "", invite: str | None = None
    ) -> "LoginTokens":
        """Begins a login session, of a new user if there is none yet. A code is good once.

        Arguments:
            device: what the client says of itself, in short.
            invite: the token of an invitation, with which a new user may come in; None or "" without one.

        Raises:
            InvalidCode: the code is not valid, too old, or used.
            UnverifiedEmail: someone new, whose address the provider has not verified.
            UserExists: the address belongs to a user who must link the provider first.
            RegistrationClosed, InviteNotFound: someone new, who may not register.
            UserDisabled
        """
        try:
            tokens = await self._redeem(code, browser, client, device, invite)
        except ReichatError as error:
            self._logins.outcomes[error.code] += 1
            if not isinstance(error, TryAgainLater):
                detail = f"{_BY}: {error.code}"
                await self._audit.record(Event.LOGIN_REFUSED, None, client=client, detail=detail)
            raise
        self._logins.outcomes["ok"] += 1
        return tokens

    async def is_linked(self, user_id: str) -> bool:
        """Whether a user can log in by the provider."""
        return bool(await self._accounts(user_id))

    async def unlink(self, identity: "Identity", *, client: str) -> None:
        """Ends logins of this user by the provider. Does nothing if there is no link."""
        user_id = identity.user.user_id
        if await self._store.oidc.unlink(user_id, self._oidc.issuer):
            await self._audit.record(Event.PROVIDER_UNLINKED, identity.actor, client=client)

    async def _redeem(self, code: str, browser: str, client: str, device: str, invite: str | None) -> "LoginTokens":
        async with self._guess(client):
            redeemed = self._handshake.read_code(code, browser, self._clock())
        user = await self._user_of(redeemed.person, client, invite)
        if user.disabled:
            raise UserDisabled
        return await self._sessions.start(
            user, client=client, device=device, session_id=redeemed.session_id, detail=_BY
        )

    async def _accounts(self, user_id: str) -> list[OidcAccount]:
        """The accounts at this provider that are linked with a user."""
        return [one for one in await self._store.oidc.of_user(user_id) if one.issuer == self._oidc.issuer]

    def _guess(self, client: str) -> "AbstractAsyncContextManager[None]":
        return self._limiter.guess(Action.PROVIDER, client=client, subject="")

    async def _user_of(self, person: Person, client: str, invite: str | None) -> User:
        """The user of an account at the provider, who is created or found by the address at the first login."""
        # The second time if another login of the same person was faster.
        for _ in range(2):
            user = await self._store.oidc.user_of(person.issuer, person.subject)
            user = user or await self._first_login(person, client, invite)
            if user is not None:
                return user
        raise Unavailable("Another login of yours is in progress, try again")

    async def _first_login(self, person: Person, client: str, invite: str | None) -> User | None:
        """Links the user with the address that the provider has verified, or a new one. None if another login was faster."""
        address = fields.known_form(person.email)
        if not address or not person.email_verified:
            raise UnverifiedEmail
        user = await self._store.users.by_email(address)
        if user is None:
            user = await self._new_user(person, address, client, invite)
            return user and await self._linked(user, person, client)
        await self._check_joining(user, person)
        joined = await self._linked(user, person, client)
        if joined is not None:
            await self._notices.send(user, messages.provider_linked(self.name), client=client)
        return joined

    async def _check_joining(self, user: User, person: Person) -> None:
        """Raises UserDisabled, or UserExists if only the user may link the provider."""
        if user.disabled:
            raise UserDisabled
        # Addresses are given to new people.
        if {account.subject for account in await self._accounts(user.user_id)} - {person.subject}:
            raise UserExists("Another account of the provider is linked with your address here")
        # A login at the provider needs no second factor here.
        factor = await self._store.second_factors.get(user.user_id)
        if factor is not None and factor.confirmed:
            raise UserExists(
                "Your account here has a second factor. Log in with your password, and link the provider in the settings"
            )

    async def _new_user(self, person: Person, address: str, client: str, invite: str | None) -> User | None:
        """A new user; None if another login was faster."""
        open_to_all = self._oidc.creates_accounts and not invite
        invite_id = "" if open_to_all else await self._invites.admit(invite, client=client)
        # A password that nobody knows. Refusing one takes as long as for other users.
        password_hash = await self._passwords.hash(secrets.token_urlsafe())
        now, name = self._clock(), username_of(person, self._settings.limits)
        registration = verified_registration(address, name, password_hash, now, invite_id)
        try:
            user = await confirm_at_once(self._store, registration, now, self._invites, client=client)
        except UserExists:
            return None
        await self._audit.record(Event.REGISTERED, UserActor(user.user_id, "", client), detail=_BY)
        return user

    async def _linked(self, user: User, person: Person, client: str) -> User | None:
        """Links a user; None if the account at the provider belongs to another one by now, or the user was deleted."""
        account = OidcAccount(person.issuer, person.subject, user.user_id)
        if await self._store.oidc.link(account) != user.user_id:
            return None
        await self._audit.record(Event.PROVIDER_LINKED, UserActor(user.user_id, "", client))
        return user

    async def _link(self, session_id: str, person: Person, client: str) -> None:
        """Links an account of the provider with the user of a login session, which must still be valid."""
        found = await self._store.sessions.get(session_id)
        if found is None or found[0].expires_at <= self._clock():
            raise InvalidCode
        _, user = found
        with trio.CancelScope(shield=True):
            if await self._linked(user, person, client) is None:
                raise AlreadyLinked
            if session_id not in await self._store.sessions.living([session_id]):
                # A reset of the password, for example, has ended this session: what it has just made must not stay.
                await self._store.oidc.unlink(user.user_id, person.issuer)
                raise InvalidCode
            await self._notices.send(user, messages.provider_linked(self.name), client=client)


def redirect_uri(public_url: str) -> str:
    """Where the provider sends browsers; it is registered there."""
    return f"{public_url.rstrip('/')}/{CALLBACK}"
