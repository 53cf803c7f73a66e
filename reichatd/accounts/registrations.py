"""Registrations, and the users they become."""

from typing import TYPE_CHECKING, Literal

from reichatd.accounts import codes, fields, keys
from reichatd.accounts.concealment import concealing
from reichatd.accounts.dependencies import Dependencies
from reichatd.audit import Event
from reichatd.errors import InvalidCode, UserExists, VerificationNotFound
from reichatd.mail import compose, messages, verification_mail
from reichatd.rate_limits import Action, network_of
from reichatd.rights import UserActor
from reichatd.store import ConfirmedCode, RegisterOutcome, Registration

if TYPE_CHECKING:
    from email.message import EmailMessage

    from reichatd.accounts.invites import Invites

_MINUTE = 60.0


class Registrations:
    """From an address to a verified user. Every method may be called from any task.

    Errors: in addition to those named at each method, `Unavailable`, `RateLimited` and `StoreError`.

    `client` is the address that a request came from. Limits are asked before anything is hashed, stored or queued.

    Arguments:
        invites: decides who may register.
    """

    def __init__(self, on: Dependencies, *, invites: "Invites") -> None:
        self._auth = on.auth
        self._settings = on.settings
        self._keys = on.keys
        self._store = on.store
        self._passwords = on.passwords
        self._outbox = on.outbox
        self._limiter = on.limiter
        self._invites = invites
        self._clock = on.clock
        self._audit = on.audit

    @property
    def code_by(self) -> Literal["mail", "console"]:
        """How a verification code reaches the user: by mail, or printed where the daemon runs (`mail.backend`)."""
        return "console" if self._outbox.backend == "console" else "mail"

    async def register(
        self, email: str, password: str, username: str, *, client: str, invite: str | None = None
    ) -> None:
        """Stores a registration in addition to others of the address, and queues the mail with its code.

        Beyond `auth.pending_registrations` the oldest one is removed. Refusing the new one instead would let a stranger keep
        someone from registering, with a few registrations every ten minutes. Without its mail, none is stored.

        Arguments:
            invite: the token of an invitation, which is used up once the address is verified; None or "" without one.

        Raises:
            InvalidFields: with every problem of the three fields.
            RegistrationClosed: `auth.registration` does not let this person register.
            InviteNotFound: the invitation is not valid.
            UserExists: a user has this address.
            Unavailable: too many mails wait to be sent.
        """
        registrant = fields.registrant(self._settings.limits, email, password, username)
        address = registrant.email
        invite_id = await self._invites.admit(invite, client=client)
        # An address that has an account counts as well: else the answers would tell at any speed which addresses have one.
        subject = fields.mailbox(address.normal)
        async with self._limiter.counted(Action.MAIL, client=client, subject=subject), concealing(self._auth):
            await self._register(registrant, password, invite_id, client)

    async def _register(self, registrant: fields.Registrant, password: str, invite_id: str, client: str) -> None:
        address, minutes = registrant.email, self._auth.verification_code_minutes
        # The store decides below; this check saves the hashing.
        if not self._auth.conceal_accounts and await self._store.users.by_email(address.normal) is not None:
            raise UserExists
        with self._outbox.reserve(to=address.deliverable):
            message = await self._store_and_compose(
                registrant, await self._passwords.hash(password, client=client), invite_id
            )
            # No await between the registration and its mail.
            self._outbox.enqueue(message, seconds=minutes * _MINUTE, group=network_of(client))

    async def _store_and_compose(
        self, registrant: fields.Registrant, password_hash: str, invite_id: str
    ) -> "EmailMessage":
        """Stores a registration and returns the mail with its code; if accounts are concealed, maybe one to an account's owner."""
        sender, to = self._outbox.sender, registrant.email.deliverable
        minutes = self._auth.verification_code_minutes
        try:
            code = await self._store_registration(registrant, password_hash, invite_id)
        except UserExists:
            if not self._auth.conceal_accounts:
                raise
            return compose(messages.already_registered(), sender=sender, to=to, username="")
        return verification_mail(sender=sender, to=to, username=registrant.username, code=code, minutes=minutes)

    async def _store_registration(self, registrant: fields.Registrant, password_hash: str, invite_id: str) -> str:
        """Stores a registration and returns its code, which no other registration of the address has."""
        expires_at = self._clock() + self._auth.verification_code_minutes * _MINUTE
        while True:
            code = keys.new_code()
            registration = Registration(
                email=registrant.email.normal,
                username=registrant.username,
                password_hash=password_hash,
                code_hash=self._keys.code_hash(registrant.email.normal, code),
                tries_left=self._auth.verification_tries,
                expires_at=expires_at,
                invite_id=invite_id,
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
            VerificationNotFound: there is no registration of this address, or no longer; InvalidCode with `auth.conceal_accounts`.
            InvalidCode: the code is wrong or too old, or too many codes were tried for this address.
            InviteNotFound: the code is right, but the invitation, without which nobody may register, is no longer valid.
        """
        address, now = fields.known_form(email), self._clock()
        # Before a try is taken: a stranger uses up a few tries of an address, and then no more for an hour.
        async with concealing(self._auth):
            try:
                async with self._limiter.guess(Action.VERIFY, client=client, subject=fields.folded(address or email)):
                    registration = await self._registration_of(address, code, now)
                if registration is not None:
                    await self._confirm(registration, now, client)
            except VerificationNotFound:
                raise InvalidCode if self._auth.conceal_accounts else VerificationNotFound from None

    async def _registration_of(self, address: str, code: str, now: float) -> Registration | None:
        """The registration that the code was sent for; None if it has just become a user."""
        ends_at = now + self._auth.verification_code_minutes * _MINUTE
        attempt = await self._store.users.take_try(address, now, ends_at) if address else None
        if attempt is None:
            raise VerificationNotFound
        typed = codes.normal(code)
        found = codes.find(attempt, lambda email: self._keys.code_hash(email, typed), now)
        return None if isinstance(found, ConfirmedCode) else found

    async def _confirm(self, registration: Registration, now: float, client: str) -> None:
        made = registration.confirmed(keys.new_id(), now)
        confirmed = await self._invites.confirm(registration, made, client=client)
        if confirmed.user is None:
            raise VerificationNotFound
        if confirmed.user == made:  # not for a repetition
            await self._audit.record(Event.REGISTERED, UserActor(made.user_id, "", client))
