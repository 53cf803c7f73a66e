"""What a store tells about the changes that other daemons, and commands on the store itself, have made: see `Store.follow`.

`MessagesPosted` has the messages themselves. All other events are hints: what happened is read from the store, so that an event
that comes late, twice or after others does no harm.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from reichatd.store.records import Message


class FeedOpened(msgspec.Struct, frozen=True):
    """The feed was opened: events from here on are told.

    Arguments:
        whole: whether nothing is missing between this and the events before. Never for the first one.
    """

    whole: bool


class MessagesPosted(msgspec.Struct, frozen=True):
    """Durable messages that another daemon has stored, in the order of their ids as far as they came together.

    Arguments:
        log_key: see `LogHead.key`.
    """

    log_key: str
    messages: Sequence[Message]


class MessagesChanged(msgspec.Struct, frozen=True):
    """Messages of a log have changed; `change_id` is the last number that is known of."""

    log_key: str
    change_id: int


class MentionsAdded(msgspec.Struct, frozen=True):
    """An edit by the user `by`, through another daemon, mentions users whom the message did not mention before."""

    log_key: str
    message_id: int
    by: str
    user_ids: tuple[str, ...]


class LogCut(msgspec.Struct, frozen=True):
    """Messages were removed from the front of a log, which begins with `first_id` now."""

    log_key: str
    first_id: int


class RoomChanged(msgspec.Struct, frozen=True):
    """Something about a room has changed other than its messages and members."""

    log_key: str


class RoomDeleted(msgspec.Struct, frozen=True):
    """A room was deleted. There may be another one with its `room_id` by now, whose log has another key."""

    log_key: str


class MemberChanged(msgspec.Struct, frozen=True):
    """A user has joined or left a room, was removed from it, or their role, mute or read mark there has changed.

    Arguments:
        last_read_id: the read mark, if nothing else has changed; otherwise 0.
        kicked: if the user is no member any more, that is why.
    """

    log_key: str
    user_id: str
    last_read_id: int = 0
    kicked: bool = False


class SessionEnded(msgspec.Struct, frozen=True):
    """A login session has ended, or is no longer what it was."""

    session_id: str


class UserChanged(msgspec.Struct, frozen=True):
    """The name, address or password of a user has changed, the user was disabled, enabled or deleted."""

    user_id: str


FeedEvent: TypeAlias = (
    FeedOpened
    | MessagesPosted
    | MessagesChanged
    | MentionsAdded
    | LogCut
    | RoomChanged
    | RoomDeleted
    | MemberChanged
    | SessionEnded
    | UserChanged
)

Wants: TypeAlias = Callable[[str], bool]
"""Whether somebody is told what happens in the log with this key. Called from any thread; does not wait."""

Tell: TypeAlias = Callable[[Sequence[FeedEvent]], None]
"""Takes events, in the order in which they became durable. Called from the event loop; does not wait."""
