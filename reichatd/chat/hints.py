"""What a store's feed hints at, until the store has been asked how it is now. Pure."""

from reichatd.store.feed import MemberChanged, RoomChanged, RoomDeleted, SessionEnded, UserChanged

Hint = MemberChanged | RoomChanged | RoomDeleted | SessionEnded | UserChanged


class Hints:
    """Each is kept once, however often it came. So they are bounded by what there is in the store."""

    def __init__(self) -> None:
        self.sessions: set[str] = set()
        self.users: set[str] = set()
        self.members: dict[tuple[str, str], bool] = {}
        """The keys of logs, and users; whether they were kicked."""
        self.changed_logs: set[str] = set()
        """The keys of the logs of rooms."""
        self.deleted_logs: set[str] = set()

    def add(self, hint: Hint) -> None:
        """Adds a hint."""
        match hint:
            case SessionEnded(session_id):
                self.sessions.add(session_id)
            case UserChanged(user_id):
                self.users.add(user_id)
            case MemberChanged(log_key, user_id):
                self._add_member((log_key, user_id), kicked=hint.kicked)
            case RoomChanged(log_key):
                self.changed_logs.add(log_key)
            case RoomDeleted(log_key):
                self.deleted_logs.add(log_key)

    def add_all(self, other: "Hints") -> None:
        """Adds those of another collection."""
        self.sessions |= other.sessions
        self.users |= other.users
        for member, kicked in other.members.items():
            self._add_member(member, kicked=kicked)
        self.changed_logs |= other.changed_logs
        self.deleted_logs |= other.deleted_logs

    def _add_member(self, member: tuple[str, str], *, kicked: bool) -> None:
        self.members[member] = kicked or self.members.get(member, False)
