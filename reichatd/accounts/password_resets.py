"""New passwords for those who have forgotten theirs.

The token in the mail is not stored. It is made from the user's id, the time when it expires, the password hash and the address
(`Keys.reset_token`): so it is good once, and dies with any change of password or address.
"""

from typing import TYPE_CHECKING

import trio

from reichatd.accounts import fields
from reichatd.accounts.concealment import at_least
from reichatd.accounts.dependencies import Dependencies
from reichatd.audit import Event
from reichatd.errors import InvalidCode
from reichatd.mail import compose, messages
from reichatd.rate_limits import Action, network_of
from reichatd.store import User

if TYPE_CHECKING:
    from reichatd.accounts.notices import Notices
    from reichatd.accounts.sessions import Sessions
    from reichatd.mail import MailText

_MINUTE = 60.0
_NOBODY = User("", "", "", "", 0.0)


class PasswordResets:
    """Sends reset tokens, and takes them. Every method may be called from any task.

    Errors: in addition to those named at each method, `Unavailable`, `RateLimited` and `StoreError`.
    """

    def __init__(self, on: Dependencies, *, sessions: "Sessions", notices: "Notices") -> None:
        self._auth = on.auth
        self._settings = on.settings
        self._keys = on.keys
        self._store = on.store
        self._passwords = on.passwords
        self._outbox = on.outbox
        self._limiter = on.limiter
        self._sessions = sessions
        self._notices = notices
        self._clock = on.clock
        self._audit = on.audit

    async def request(self, email: str, *, client: str) -> None:
        """Queues a mail with a token, if the address has an account that is not disabled.

        Neither the outcome nor the time tells whether it has: the work is the same, but for the mail.
        """
        address = fields.known_form(email)
        subject = fields.mailbox(address or email)
        async with (
            at_least(self._auth.concealed_seconds),
            self._limiter.counted(Action.MAIL, client=client, subject=subject),
        ):
            await self._request(address, client)

    async def _request(self, address: str, client: str) -> None:
        minutes = self._auth.password_reset_minutes
        with self._outbox.reserve(to=address):
            found = await self._store.users.by_email(address) if address else None
            user = found if found is not None and not found.disabled else _NOBODY
            text = self._mail(self._keys.reset_token(user, int(self._clock() + minutes * _MINUTE)))
            if user is not _NOBODY:
                to = fields.parse_email(user.email).deliverable
                message = compose(text, sender=self._outbox.sender, to=to, username=user.username)
                self._outbox.enqueue(message, seconds=minutes * _MINUTE, group=network_of(client))
        await self._audit.record(Event.PASSWORD_RESET_REQUESTED, None, user_id=user.user_id, client=client)

    def _mail(self, token: str) -> "MailText":
        url = self._settings.server.public_url
        link = f"{url.rstrip('/')}/#/reset/{token}" if url else token
        return messages.password_reset(link, self._auth.password_reset_minutes, is_code=not url)

    async def reset(self, token: str, new_password: str, *, client: str) -> None:
        """Sets a new password, and ends all sessions of the user, tokens for programs too.

        Raises:
            InvalidFields: the new password breaks a rule.
            InvalidCode: the token is not ours, or was used, or has expired.
        """
        fields.check_new_password(self._settings.limits, new_password)
        user_id = token.rpartition(".")[0].rpartition(".")[0]
        async with self._limiter.guess(Action.VERIFY, client=client, subject=f"reset of {user_id}"):
            # A store takes no lone surrogates.
            user = await self._store.users.by_id(user_id) if user_id.isascii() else None
            if user is None or user.disabled or not self._keys.allows_reset(token, user, self._clock()):
                raise _invalid_token()
        new_hash = await self._passwords.hash(new_password, client=client)
        with trio.CancelScope(shield=True):
            if await self._store.users.reset_password(user, new_hash) is None:
                raise _invalid_token()
            self._sessions.live.user_logged_out(user_id)
        await self._audit.record(Event.PASSWORD_RESET, None, user_id=user_id, client=client)
        await self._notices.send(user, messages.password_was_reset(), client=client)


def _invalid_token() -> InvalidCode:
    return InvalidCode("This link is wrong, used or too old; ask for a new one")
