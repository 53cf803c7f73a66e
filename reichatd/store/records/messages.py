"""Messages: as they are posted, and as they are read."""

from enum import Enum, auto

import msgspec

ERASED = "(deleted)"
"""What an erased message says in place of its content."""


class Post(msgspec.Struct, frozen=True):
    """A message to be added to a room's log. With a `nonce` it is stored once, however often its author sends it."""

    room_id: str
    user_id: str
    content: str
    timestamp: float
    nonce: str | None = None


class Message(msgspec.Struct, frozen=True):
    """A message in a room's log, with its author's current name and address (both empty if the author was deleted).

    `shares_room`: whether the members of the room share it with the author. False after the author has left it, and in a direct
    conversation.
    """

    message_id: int
    user_id: str
    username: str
    email: str
    content: str
    timestamp: float
    shares_room: bool = True


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


class Appended(msgspec.Struct, frozen=True):
    """The answer to one post.

    Arguments:
        message_id: 0 unless the outcome is STORED or REPEATED.
        until: for MUTED and SLOW, when the author may post again, in seconds since the epoch.
        in_direct: for STORED, whether the room is a direct conversation.
    """

    outcome: Outcome
    message_id: int = 0
    until: float = 0.0
    in_direct: bool = False
