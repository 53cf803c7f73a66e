"""Changes of e-mail addresses: the new one is verified by a code, the former one is told."""

from typing import TYPE_CHECKING

import trio

from reichatd.accounts import codes, fields, keys
from reichatd.accounts.concealment import concealing
from reichatd.accounts.dependencies import Dependencies
from reichatd.audit import Event
from reichatd.errors import (
    FieldProblem,
    Invalid,
    InvalidCode,
    InvalidFields,
    Unauthorized,
    UserExists,
    VerificationNotFound,
)
from reichatd.mail import compose, messages
from reichatd.rate_limits import Action, network_of
from reichatd.store import EmailChange, EmailOutcome, User

if TYPE_CHECKING:
    from reichatd.accounts.fields import Email
    from reichatd.accounts.logins import Logins
    from reichatd.accounts.notices import Notices
    from reichatd.accounts.session_cache import Identity
    from reichatd.accounts.sessions import Sessions

_MINUTE = 60.0


class EmailChanges:
    """Every method may be called from any task.

    Errors: in addition to those named at each method, `Unavailable`, `RateLimited` and `StoreError`.
    """

    def __init__(self, on: Dependencies, *, sessions: "Sessions", logins: "Logins", notices: "Notices") -> None:
        self._auth = on.auth
        self._keys = on.keys
        self._store = on.store
        self._outbox = on.outbox
        self._limiter = on.limiter
        self._sessions = sessions
        self._logins = logins
        self._notices = notices
        self._clock = on.clock
        self._audit = on.audit

    async def request(self, identity: "Identity", password: str, email: str, *, client: str) -> None:
        """Queues a mail with a code to the new address, and a notice to the present one.

        Raises:
            InvalidFields: this is no address.
            InvalidPassword: this is not the user's password.
            Invalid: it is the user's address already.
            UserExists: another user has this address; not with `auth.conceal_accounts`, where that user gets a mail.
        """
        user = identity.user
        try:
            address = fields.parse_email(email)
        except ValueError as error:
            raise InvalidFields([FieldProblem("email", str(error))]) from None
        await self._logins.confirm_password(user, password, client=client)
        if address.normal == user.email:
            raise Invalid("This is your address already")
        subject = fields.mailbox(address.normal)
        async with self._limiter.counted(Action.MAIL, client=client, subject=subject), concealing(self._auth):
            await self._request(user, address, client)
            # Before the pause, in which a caller who hangs up is cancelled.
            await self._audit.record(Event.EMAIL_CHANGE_REQUESTED, identity.actor, client=client)
            await self._notices.send(user, messages.email_change_requested(address.normal), client=client)

    async def _request(self, user: User, address: "Email", client: str) -> None:
        other = await self._store.users.by_email(address.normal)
        is_taken = other is not None and other.user_id != user.user_id
        if is_taken and not self._auth.conceal_accounts:
            raise UserExists
        minutes, code = self._auth.verification_code_minutes, keys.new_code()
        change = EmailChange(
            user_id=user.user_id,
            email=address.normal,
            code_hash=self._keys.email_change_hash(user, address.normal, code),
            tries_left=self._auth.verification_tries,
            expires_at=self._clock() + minutes * _MINUTE,
        )
        text = messages.address_in_use() if is_taken else messages.email_change(code, minutes)
        with self._outbox.reserve(to=address.deliverable):
            await self._store.email_changes.put(change)
            name = other.username if other is not None else user.username
            message = compose(text, sender=self._outbox.sender, to=address.deliverable, username=name)
            self._outbox.enqueue(message, seconds=minutes * _MINUTE, group=network_of(client))

    async def verify(self, identity: "Identity", code: str, *, client: str) -> None:
        """Makes the new address the user's, by the code from its mail. A call that is repeated succeeds, while the code is valid.

        Raises:
            VerificationNotFound: no change of the user's address waits for a code.
            InvalidCode: the code is wrong or too old, or too many were tried, or the password was changed meanwhile.
            UserExists: another user has this address by now.
            Unauthorized: the user was deleted.
        """
        # The session may be cached: a password that another daemon has changed must not be overlooked.
        user = await self._store.users.by_id(identity.user.user_id)
        if user is None:
            raise Unauthorized("Invalid token")
        async with self._limiter.guess(Action.VERIFY, client=client, subject=f"address of {user.user_id}"):
            change = await self._store.email_changes.take_try(user.user_id)
            if change is None:
                raise VerificationNotFound
            made = self._keys.email_change_hash(user, change.email, codes.normal(code))
            is_right = keys.equal_hashes(change.code_hash, made)
            if not is_right or change.tries_left <= 0 or change.expires_at <= self._clock():
                raise InvalidCode
        if user.email != change.email:
            await self._change(identity, user, change.email, client)

    async def _change(self, identity: "Identity", user: User, email: str, client: str) -> None:
        with trio.CancelScope(shield=True):
            outcome = await self._store.users.change_email(user, email)
            if outcome is EmailOutcome.CHANGED:
                self._sessions.live.email_changed(user.user_id, email)
        match outcome:
            case EmailOutcome.TAKEN:
                raise UserExists
            case EmailOutcome.OUTDATED:
                raise InvalidCode
        await self._audit.record(Event.EMAIL_CHANGED, identity.actor, client=client)
        await self._notices.send(user, messages.email_changed(email), client=client)
