"""Users who delete their own accounts."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

from reichatd.accounts import fields
from reichatd.audit import AuditLog, Event
from reichatd.errors import OwnsRooms
from reichatd.rate_limits import Action

if TYPE_CHECKING:
    from reichatd.accounts.logins import Logins
    from reichatd.accounts.session_cache import Identity
    from reichatd.accounts.sessions import Sessions
    from reichatd.rate_limits import RateLimiter
    from reichatd.settings import LiveSettings
    from reichatd.store import Store


class Deletion:
    """Deletes accounts. Any task may call it.

    Arguments:
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        settings: "LiveSettings",
        store: "Store",
        limiter: "RateLimiter",
        sessions: "Sessions",
        logins: "Logins",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._limiter = limiter
        self._sessions = sessions
        self._logins = logins
        self._audit = AuditLog(store.audit, settings, clock)

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
        async with self._limiter.guess(Action.LOGIN, client=client, subject=fields.folded(user.email), known=True):
            await self._logins.check_password(user, password)
        if await self._owns_rooms(user.user_id):
            raise OwnsRooms("You own rooms: transfer them to other members, or delete them first")
        users = self._store.users
        with trio.CancelScope(shield=True):
            await (users.delete_and_erase(user.user_id) if erase else users.delete(user.user_id))
            self._sessions.live.user_logged_out(user.user_id)
            self._sessions.live.user_renamed(user.user_id, "")
        await self._audit.record(
            Event.ACCOUNT_DELETED,
            identity.actor,
            client=client,
            detail="messages erased" if erase else "messages kept",
        )

    async def _owns_rooms(self, user_id: str) -> bool:
        """Whether the user owns a room in which others may need an owner; a direct conversation needs none."""
        for room_id in await self._store.rooms.owned(user_id):
            head = await self._store.rooms.head(room_id)
            if head is not None and head.direct is None:
                return True
        return False
