"""Users who delete their own accounts."""

from typing import TYPE_CHECKING

import trio

from reichatd.accounts.dependencies import Dependencies
from reichatd.audit import Event
from reichatd.errors import OwnsRooms

if TYPE_CHECKING:
    from reichatd.accounts.logins import Logins
    from reichatd.accounts.session_cache import Identity
    from reichatd.accounts.sessions import Sessions


class Deletion:
    """Deletes accounts. Any task may call it."""

    def __init__(self, on: Dependencies, *, sessions: "Sessions", logins: "Logins") -> None:
        self._store = on.store
        self._sessions = sessions
        self._logins = logins
        self._audit = on.audit

    async def delete(self, identity: "Identity", password: str, *, erase: bool, client: str) -> None:
        """Deletes the account with all that belongs to it, and closes its sockets. The messages stay, without a name.

        Arguments:
            erase: also erases the contents of all messages, in steps, soon (`reichatd.erasures`).

        Raises:
            InvalidPassword: this is not the user's password.
            OwnsRooms: the user owns rooms, which are to be transferred or deleted first.
            Unavailable, RateLimited, StoreError
        """
        user = identity.user
        await self._logins.confirm_password(user, password, client=client)
        with trio.CancelScope(shield=True):
            if not await self._store.users.delete_unless_owner(user.user_id, erase=erase):
                raise OwnsRooms("You own rooms: transfer them to other members, or delete them first")
            self._sessions.live.user_logged_out(user.user_id)
            self._sessions.live.user_renamed(user.user_id, "")
        await self._audit.record(
            Event.ACCOUNT_DELETED,
            identity.actor,
            client=client,
            detail="messages erased" if erase else "messages kept",
        )
