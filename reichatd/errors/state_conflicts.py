"""The request does not go with the state of now (409)."""

from reichatd.closing import POLICY_VIOLATION
from reichatd.errors.base import ReichatError


class Conflict(ReichatError):
    status = 409
    close_code = POLICY_VIOLATION
    code = "conflict"
    text = "Conflict"


class UserExists(Conflict):
    code = "user_exists"
    text = "User already exists"


class AlreadyLinked(Conflict):
    code = "already_linked"
    text = "This account of the provider belongs to another user"


class RoomExists(Conflict):
    code = "room_exists"
    text = "Room ID taken"


class AlreadyJoined(Conflict):
    code = "already_joined"
    text = "Already joined"


class NotAMember(Conflict):
    code = "not_a_member"
    text = "User not in room"


class OwnsRooms(Conflict):
    code = "owns_rooms"
    text = "User owns rooms"


class TooManyRooms(Conflict):
    """The user owns as many rooms as one user may. Waiting does not help, so it is no `RateLimited`."""

    code = "too_many_rooms"
    text = "You own too many rooms; delete one first"


class TooManyBlocks(Conflict):
    code = "too_many_blocks"
    text = "You have blocked too many users; unblock one first"


class DirectRoom(Conflict):
    """The room is a direct conversation, and what was asked is done with other rooms only."""

    code = "direct_room"
    text = "This is a direct conversation"


class MessageDeleted(Conflict):
    code = "message_deleted"
    text = "This message is deleted"


class OtherLog(Conflict):
    """The room's log is another one than the client knows; its name is `log`. The client drops what it has."""

    code = "other_log"
    text = "The room has another log now; start afresh"

    def __init__(self, log: str = "") -> None:
        self.log = log
        super().__init__()


class TooManyReactions(Conflict):
    code = "too_many_reactions"
    text = "This message has too many different reactions, or too many of yours"


class TooManyPins(Conflict):
    code = "too_many_pins"
    text = "The room has too many pinned messages; take a pin off first"


class TooManyInvites(Conflict):
    code = "too_many_invites"
    text = "The room has too many invitations; delete one first"


class TotpEnabled(Conflict):
    code = "totp_enabled"
    text = "The second factor is on already"


class TooManyAppPasswords(Conflict):
    code = "too_many_app_passwords"
    text = "You have too many app passwords; delete one first"


class TooManyTokens(Conflict):
    code = "too_many_tokens"
    text = "You have too many tokens; delete one first"


class SeveralRegistrations(Conflict):
    """The administrator must say which one."""

    code = "several_registrations"
    text = "Several registrations of this address"
