"""How accounts, rooms and administration notify the live connections of changes."""

from collections.abc import Iterable
from typing import Literal, Protocol

from reichatd.store import ChangedMessage

RemovalReason = Literal["left", "kicked", "banned"]
"""Why a user is no longer a member of a room."""


class LiveConnections(Protocol):
    """The live connections, for parts that change who may have one.

    Each method acts at once and does not wait. When it returns, the affected sockets are marked to be closed, which their own tasks
    do; those of a removed member or a deleted room have left the room. Call it from the event loop, after the change is durable.
    """

    def sessions_ended(self, session_ids: Iterable[str]) -> None:
        """Closes every socket of these login sessions with 4001."""

    def user_logged_out(self, user_id: str) -> None:
        """Closes every socket of this user with 4001, whichever login session it belongs to."""

    def member_joined(self, room_id: str, user_id: str) -> None:
        """Tells the user's devices about the room, of which they are a member now. Harmless if they were one before."""

    def member_removed(self, room_id: str, user_id: str, reason: RemovalReason = "left") -> None:
        """Closes every socket of this user in this room with 1008, and tells the user's devices why."""

    def room_changed(self, room_id: str, user_id: str | None = None) -> None:
        """Tells the devices of the members that something about the room has changed, other than its messages and members.

        Arguments:
            user_id: the member for whom it has changed, if it has for one only: a role, a mute.
        """

    def room_deleted(self, room_id: str) -> None:
        """Closes every socket of this room with 1008."""

    def user_renamed(self, user_id: str, username: str) -> None:
        """Shows every message of this user under `username` from now on, also old ones."""

    def email_changed(self, user_id: str, email: str) -> None:
        """Shows every message of this user with this address from now on, also old ones."""

    def messages_changed(self, changed: Iterable[ChangedMessage]) -> None:
        """Shows changed messages as they are now, room by room in the order of their change ids."""


class NoLiveConnections:
    """Does nothing: for commands that work on a store without a daemon."""

    def sessions_ended(self, session_ids: Iterable[str]) -> None: ...

    def user_logged_out(self, user_id: str) -> None: ...

    def member_joined(self, room_id: str, user_id: str) -> None: ...

    def member_removed(self, room_id: str, user_id: str, reason: RemovalReason = "left") -> None: ...

    def room_changed(self, room_id: str, user_id: str | None = None) -> None: ...

    def room_deleted(self, room_id: str) -> None: ...

    def user_renamed(self, user_id: str, username: str) -> None: ...

    def email_changed(self, user_id: str, email: str) -> None: ...

    def messages_changed(self, changed: Iterable[ChangedMessage]) -> None: ...
