"""What accounts, rooms and administrators tell the live connections of."""

from collections.abc import Iterable
from typing import Protocol


class LiveConnections(Protocol):
    """The live connections, as seen by those who change who may have one.

    Each method acts at once and does not wait: the sockets concerned have left their rooms when it returns, and are closed by
    their own tasks. To be called from the event loop, after the change is durable.
    """

    def sessions_ended(self, session_ids: Iterable[str]) -> None:
        """Closes every socket of these login sessions with 4001."""

    def user_logged_out(self, user_id: str) -> None:
        """Closes every socket of this user with 4001, whichever login session it belongs to."""

    def member_removed(self, room_id: str, user_id: str) -> None:
        """Closes every socket of this user in this room with 1008."""

    def room_deleted(self, room_id: str) -> None:
        """Closes every socket of this room with 1008."""

    def user_renamed(self, user_id: str, username: str) -> None:
        """From here on every message of this user is shown under `username`, the old ones too."""


class NoLiveConnections:
    """The live connections where there are none: a store that is worked on with no daemon on it."""

    def sessions_ended(self, session_ids: Iterable[str]) -> None: ...

    def user_logged_out(self, user_id: str) -> None: ...

    def member_removed(self, room_id: str, user_id: str) -> None: ...

    def room_deleted(self, room_id: str) -> None: ...

    def user_renamed(self, user_id: str, username: str) -> None: ...
