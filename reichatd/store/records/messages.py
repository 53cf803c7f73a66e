"""Messages: as they are posted, as they are changed, and as they are read."""

from enum import Enum, auto
from typing import Literal

import msgspec

ERASED = "(deleted)"
"""What a deleted message says in place of its content."""

DeletedBy = Literal["author", "moderator", "erased"]
"""Who deleted a message: its author; a moderator, owner or administrator; or the author's account, deleted with all messages."""


class Reaction(msgspec.Struct, frozen=True, array_like=True):
    """One emoji on a message: how many users reacted with it, and the first of them, oldest first."""

    emoji: str
    count: int
    users: tuple[str, ...]


class Pinned(msgspec.Struct, frozen=True, array_like=True):
    """Who pinned a message, and when."""

    by: str
    at: float


class Extras(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a message may have beside its text. Most have nothing: they share `PLAIN`.

    Arguments:
        edited_at: when the content was last edited; 0 for never.
        reply_to: the id of another message of the room; 0 for none. That one may have been removed since.
        mentions: user ids.
        mention_room: whether all members are mentioned.
        reactions: in the order in which each emoji was first used.
    """

    edited_at: float = 0.0
    deleted: DeletedBy | None = None
    reply_to: int = 0
    mentions: tuple[str, ...] = ()
    mention_room: bool = False
    reactions: tuple[Reaction, ...] = ()
    pinned: Pinned | None = None


PLAIN = Extras()
"""Of a message that has only a text."""


class Post(msgspec.Struct, frozen=True):
    """A message to be added to a room's log. With a `nonce` it is stored once, however often its author sends it.

    Arguments:
        reply_to: the post is refused if the room never had this message; 0 for none.
        mentions: user ids; those of no member are dropped. None: the members with one of the `names`.
        names: user names after an "@" in the content; upper and lower case are the same.
        mention_room: refused unless the author leads the room, or it has at most `mention_room_members` members.
        resolved_at_most: how many users the `names` may mention.
    """

    room_id: str
    user_id: str
    content: str
    timestamp: float
    nonce: str | None = None
    reply_to: int = 0
    mentions: tuple[str, ...] | None = None
    names: tuple[str, ...] = ()
    mention_room: bool = False
    mention_room_members: int = 50
    resolved_at_most: int = 10


class Edit(msgspec.Struct, frozen=True):
    """Gives a message a new content, and new mentions. Only its author may.

    Arguments:
        at: seconds since the epoch, as in the other changes.
        since: the author may edit messages that were posted at this time or later; 0 for all.
        if_change: the change id that the message has to have; None for any.
        mentions, names, resolved_at_most: as in `Post`.
    """

    room_id: str
    user_id: str
    message_id: int
    content: str
    at: float
    since: float = 0.0
    if_change: int | None = None
    mentions: tuple[str, ...] | None = None
    names: tuple[str, ...] = ()
    resolved_at_most: int = 10


class Delete(msgspec.Struct, frozen=True):
    """Deletes messages, all of them or none. Authors delete their own, owner and moderators any; administrators any in any room.

    Arguments:
        user_id: "" if an administrator deletes.
        own_only: whether owner and moderators, too, may only delete their own.
        by_administrator: whether an administrator deletes, who need not be a member.
    """

    room_id: str
    user_id: str
    message_ids: tuple[int, ...]
    at: float
    own_only: bool = False
    by_administrator: bool = False


class React(msgspec.Struct, frozen=True):
    """Adds a member's reaction to a message, or takes it back.

    Arguments:
        is_set: False to take it back.
        most_kinds, most_own: how many emojis a message may have, and how many of them from one user.
        shown_users: how many users of an emoji are named in the message.
    """

    room_id: str
    user_id: str
    message_id: int
    emoji: str
    is_set: bool
    at: float
    most_kinds: int = 20
    most_own: int = 10
    shown_users: int = 5


class Pin(msgspec.Struct, frozen=True):
    """Pins a message, or takes the pin off: owner and moderators, and members where the room lets them.

    Arguments:
        is_set: False to take it off.
        at_most: how many pins a room may have.
        as_member: whether owner and moderators, too, may only do what members may.
    """

    room_id: str
    user_id: str
    message_id: int
    is_set: bool
    at: float
    at_most: int = 100
    as_member: bool = False


Change = Edit | Delete | React | Pin
"""A change of messages. Each sets a state: a repeat changes nothing."""


class Message(msgspec.Struct, frozen=True):
    """A message in a room's log, with its author's current name and address (both empty if the author was deleted).

    `shares_room`: whether the members of the room share it with the author. False after the author has left it, and in a direct
    conversation.

    `change_id`: the number of the last change of the message, among the changes of the room; 0 if it was never changed.
    """

    message_id: int
    user_id: str
    username: str
    email: str
    content: str
    timestamp: float
    shares_room: bool = True
    change_id: int = 0
    extras: Extras = PLAIN


class LogHead(msgspec.Struct, frozen=True):
    """Where a log begins and ends.

    Arguments:
        first_id: the id of the first message that was not removed, even if it is not posted yet.
        last_id: the id of the last message, removed or not; 0 if there never was one.
        change_id: the number of the last change; 0 if there never was one.
        token: names the log, in 8 random characters. Another one, also one that was restored from a backup, has another token.
        key: names the log in the events of `Store.follow`; empty in a store without any.
    """

    first_id: int
    last_id: int
    change_id: int
    token: str
    key: str = ""


class Reactor(msgspec.Struct, frozen=True):
    """A user who reacted to a message; `username` is empty if the user was deleted."""

    user_id: str
    username: str


class Outcome(Enum):
    """The outcome of a post."""

    STORED = auto()
    REPEATED = auto()
    """Its nonce is stored already: nothing was written."""
    NO_ROOM = auto()
    NO_MEMBER = auto()
    MUTED = auto()
    """The author is muted."""
    SLOW = auto()
    """The room is in slow mode, and the author's last post is too recent."""
    BLOCKED = auto()
    """The room is a direct conversation, and the other has blocked the author."""
    NO_REPLY_TARGET = auto()
    """The room never had the message that it replies to."""
    NO_ROOM_MENTION = auto()
    """The author may not mention all members."""


class Appended(msgspec.Struct, frozen=True):
    """The answer to one post.

    Arguments:
        message_id: 0 unless the outcome is STORED or REPEATED.
        until: for MUTED and SLOW, when the author may post again, in seconds since the epoch.
        in_direct: for STORED, whether the room is a direct conversation.
        mentions: for STORED, the users that the message mentions.
    """

    outcome: Outcome
    message_id: int = 0
    until: float = 0.0
    in_direct: bool = False
    mentions: tuple[str, ...] = ()


class ChangeOutcome(Enum):
    """The outcome of a change."""

    CHANGED = auto()
    UNCHANGED = auto()
    """The messages are as they should be already: nothing was written, and there is no new number."""
    NO_ROOM = auto()
    NO_MEMBER = auto()
    NO_MESSAGE = auto()
    FORBIDDEN = auto()
    """Not the author, or neither owner nor moderator."""
    TOO_LATE = auto()
    """The message is too old to be edited."""
    CONFLICT = auto()
    """The message has another change id than `Edit.if_change`."""
    DELETED = auto()
    """The message is deleted: it cannot be edited, pinned or reacted to."""
    TOO_MANY_REACTIONS = auto()
    TOO_MANY_PINS = auto()
    MUTED = auto()
    BLOCKED = auto()
    FAILED = auto()
    """The store could not make the changes of the commit; its posts are stored."""


class Changed(msgspec.Struct, frozen=True):
    """The answer to one change.

    Arguments:
        change_id: for CHANGED and UNCHANGED, the greatest change id of its messages after the commit.
        until: for MUTED, when the mute ends, in seconds since the epoch.
    """

    outcome: ChangeOutcome
    change_id: int = 0
    until: float = 0.0


class ChangedMessage(msgspec.Struct, frozen=True):
    """A message that a commit changed, as it is now.

    Arguments:
        only_reactions: whether nothing but its reactions changed.
        mentioned: the users that it mentions now, and did not before.
    """

    room_id: str
    message: Message
    only_reactions: bool = False
    mentioned: tuple[str, ...] = ()


class Committed(msgspec.Struct, frozen=True):
    """The answer to a group commit.

    Arguments:
        posts, changes: one answer for each, in the same order.
        changed: each changed message once, room by room in the order of their change ids.
        read_marks: (room_id, user_id) → the new read mark, for each one that moved.
        log_keys, changed_keys: room_id → the `LogHead.key` of the log, of the rooms of the posts and of those of the changes; empty
            in a store without keys. Between the two, a room may be deleted, and another one made under its id.
    """

    posts: list[Appended]
    changes: list[Changed] = []
    changed: list[ChangedMessage] = []
    read_marks: dict[tuple[str, str], int] = {}
    log_keys: dict[str, str] = {}
    changed_keys: dict[str, str] = {}


class ErasureStep(msgspec.Struct, frozen=True):
    """What one step of an erasure did.

    Arguments:
        looked_at: how many messages it looked at.
        changed: the messages that it changed, room by room in the order of their change ids.
    """

    looked_at: int
    changed: list[ChangedMessage] = []
