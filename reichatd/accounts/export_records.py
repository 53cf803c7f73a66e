"""The records of an export of a user's data. Times are ISO 8601 in UTC. No record has a password, a hash or a token."""

from msgspec import Struct


class _Record(Struct, frozen=True, tag_field="type"):
    pass


class UserDetails(_Record, frozen=True, tag="user_details"):
    """`rooms`, `owns` and `banned_from` are room ids. `totp`: whether there is a second factor."""

    user_id: str
    email: str
    username: str
    created_at: str
    disabled: bool
    rooms: list[str]
    owns: list[str]
    banned_from: list[str]
    sessions: int
    totp: bool = False


class MembershipRecord(_Record, frozen=True, tag="membership"):
    """`muted_until` is the end of the last mute, "" if there never was one."""

    room_id: str
    joined_at: str
    last_read_id: int
    moderator: bool = False
    muted_until: str = ""


class SessionRecord(_Record, frozen=True, tag="session"):
    """A login session, or, with a `token_name`, a token for a program. `used_at` is "" if it is not known."""

    created_at: str
    expires_at: str
    device: str = ""
    address: str = ""
    used_at: str = ""
    token_name: str | None = None


class AppPasswordRecord(_Record, frozen=True, tag="app_password"):
    """`used_at` is "" if it was never used."""

    name: str
    created_at: str
    used_at: str = ""


class SecondFactorRecord(_Record, frozen=True, tag="second_factor"):
    """The account asks for codes at logins. `recovery_codes` is the number of unused ones."""

    recovery_codes: int


class ProviderRecord(_Record, frozen=True, tag="provider"):
    """The user can log in with this account of an OpenID provider."""

    issuer: str
    subject: str


class BlockRecord(_Record, frozen=True, tag="block"):
    """The user has blocked this one."""

    user_id: str
    username: str


class ActivityRecord(_Record, frozen=True, tag="activity"):
    """Something that the audit log has: what the user did, or what was done to the user.

    What others did has neither their ids nor their addresses; the address of a refused login is there. Blocks by others are not.
    """

    at: str
    event: str
    by_user: bool
    room_id: str
    address: str
    detail: str


class ReactionCount(Struct, frozen=True):
    """The reactions to a message with one emoji: how many, and the ids of the first users."""

    emoji: str
    count: int
    users: list[str]


class MessageRecord(_Record, frozen=True, tag="message"):
    """As it is stored; a deleted author has no name and no address.

    Arguments:
        edited_at: when it was last edited; "" if it never was.
        reply_to: the id of the message that it replies to; 0 for none.
        deleted: who deleted it: "author", "moderator" (an administrator, too), or "erased"; "" if it is not deleted.
        mentions: user ids.
        mention_room: whether it mentions all members.
        reactions: in the order in which each emoji was first used.
        pinned_by: the id of the user who pinned it; "" if it is not pinned.
    """

    room_id: str
    message_id: int
    user_id: str
    username: str
    email: str
    timestamp: str
    content: str
    edited_at: str = ""
    reply_to: int = 0
    deleted: str = ""
    mentions: list[str] = []
    mention_room: bool = False
    reactions: list[ReactionCount] = []
    pinned_by: str = ""
    pinned_at: str = ""


class ReactionRecord(_Record, frozen=True, tag="reaction"):
    """The user has reacted to this message."""

    room_id: str
    message_id: int
    emoji: str


class Progress(_Record, frozen=True, tag="progress"):
    """`done` of `total` are done. Comes often; only the last one matters."""

    what: str
    done: int
    total: int


UserExport = (
    UserDetails
    | MembershipRecord
    | SessionRecord
    | AppPasswordRecord
    | SecondFactorRecord
    | ProviderRecord
    | BlockRecord
    | ActivityRecord
    | MessageRecord
    | ReactionRecord
)
