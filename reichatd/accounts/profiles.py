"""What users do with their own accounts."""

from typing import TYPE_CHECKING

import msgspec
import trio

from reichatd import rights
from reichatd.accounts import fields
from reichatd.accounts.dependencies import Dependencies
from reichatd.accounts.session_cache import Identity
from reichatd.audit import Event
from reichatd.errors import Invalid, InvalidPassword, Unauthorized, UserNotFound
from reichatd.mail import messages
from reichatd.rights import UserActor
from reichatd.store import User
from reichatd.text import normal

if TYPE_CHECKING:
    from reichatd.accounts.logins import Logins
    from reichatd.accounts.notices import Notices
    from reichatd.accounts.sessions import Sessions


class Profiles:
    """The users' own names and passwords.

    Every method may be called from any task. A handler may be cancelled at any await. So each method makes its change in one step
    of the store, after all checks. Where live connections must be notified, that step and the notification are shielded together;
    the store has its own deadline.

    Errors: in addition to those named at each method, `Unavailable`, `RateLimited` and `StoreError`.
    """

    def __init__(self, on: Dependencies, *, sessions: "Sessions", logins: "Logins", notices: "Notices") -> None:
        self._settings = on.settings
        self._store = on.store
        self._passwords = on.passwords
        self._sessions = sessions
        self._logins = logins
        self._notices = notices
        self._audit = on.audit

    async def user(self, user_id: str) -> User:
        """Returns a user by id. Raises UserNotFound."""
        user = await self._store.users.by_id(user_id)
        if user is None:
            raise UserNotFound
        return user

    async def seen_by(self, by: UserActor, user_id: str) -> User:
        """Returns a user as another one may see them: with an empty address if `privacy.emails` hides it.

        Raises:
            UserNotFound
        """
        user = await self.user(user_id)
        emails = self._settings.whole.privacy.emails
        shares_room = emails == "shared_room" and await self._store.directs.share_room(by.user_id, user_id)
        if user_id == by.user_id or rights.shows_email(emails, shares_room=shares_room):
            return user
        return msgspec.structs.replace(user, email="")

    async def rename(self, identity: Identity, username: str, *, client: str = "") -> None:
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
            self._sessions.live.user_renamed(user_id, name)
        await self._audit.record(
            Event.RENAMED, identity.actor, client=client, detail=f"{identity.user.username} → {name}"
        )

    async def change_password(self, identity: Identity, password: str, new_password: str, *, client: str) -> None:
        """Changes the password, and ends the user's other sessions with their sockets; a mail tells the user.

        Raises:
            InvalidFields: the new password is too short or too long.
            InvalidPassword: `password` is not the user's, or no longer.
            Invalid: the new password is the old one.
        """
        fields.check_new_password(self._settings.limits, new_password)
        user = identity.user
        await self._logins.confirm_password(user, password, client=client)
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
            self._sessions.forget_cached()
            self._sessions.live.sessions_ended(ended)
        await self._audit.record(Event.PASSWORD_CHANGED, identity.actor, client=client)
        await self._notices.send(user, messages.password_changed(), client=client)
