"""A `LiveConnections` that records its calls; the real one is `reichatd.chat.Hub`."""

from collections.abc import Iterable

from reichatd.live import RemovalReason
from reichatd.store import ChangedMessage


class RecordingLive:
    """`calls` holds each call as a tuple of the method's name and its arguments; `news` those that users' sockets are told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.news: list[tuple[str, ...]] = []

    def sessions_ended(self, session_ids: Iterable[str]) -> None:
        self.calls.append(("sessions_ended", *session_ids))

    def user_logged_out(self, user_id: str) -> None:
        self.calls.append(("user_logged_out", user_id))

    def member_joined(self, room_id: str, user_id: str) -> None:
        self.news.append(("joined", room_id, user_id))

    def member_removed(self, room_id: str, user_id: str, reason: RemovalReason = "left") -> None:
        self.calls.append(("member_removed", room_id, user_id))
        self.news.append((reason, room_id, user_id))

    def room_changed(self, room_id: str, user_id: str | None = None) -> None:
        self.news.append(("changed", room_id, user_id or "all"))

    def room_deleted(self, room_id: str) -> None:
        self.calls.append(("room_deleted", room_id))

    def user_renamed(self, user_id: str, username: str) -> None:
        self.calls.append(("user_renamed", user_id, username))

    def email_changed(self, user_id: str, email: str) -> None:
        self.calls.append(("email_changed", user_id, email))

    def messages_changed(self, changed: Iterable[ChangedMessage]) -> None:
        self.calls.append(("messages_changed", *(each.room_id for each in changed)))
