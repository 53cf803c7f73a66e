"""The frames that the server sends."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from reichatd.messaging import ReactionView
from reichatd.messaging.fields import (
    ChangeId,
    Emoji,
    EncodedMessage,
    FirstId,
    LastId,
    LogToken,
    MessageId,
    Nonce,
    RequestName,
    TimeText,
    UserId,
)

FrameErrorCode = Literal["bad_frame", "bad_content", "bad_nonce", "bad_emoji", "fetch_too_large"]
SharedErrorCode = Literal[
    "rate_limited",
    "unavailable",
    "forbidden",
    "muted",
    "room_not_found",
    "message_not_found",
    "message_deleted",
    "edit_too_late",
    "conflict",
    "other_log",
    "too_many_reactions",
    "too_many_pins",
]
"""Codes of `reichatd.errors`; a test holds them equal."""
ErrorCode = Literal[FrameErrorCode, SharedErrorCode]


class InitialState(msgspec.Struct, tag_field="type", tag="initial_state", omit_defaults=True):
    """The first frame: the user's read mark (0: nothing is read yet), and messages before and after it.

    `change_id` is the number to listen after for changes.
    """

    last_read_id: Annotated[int, Meta(examples=[42])]
    messages: list[EncodedMessage]
    first_id: FirstId = 1
    last_id: LastId = 0
    change_id: ChangeId | msgspec.UnsetType = msgspec.UNSET
    log: LogToken = ""


class FetchResponse(msgspec.Struct, tag_field="type", tag="fetch_response", omit_defaults=True):
    """Answers `fetch`: those of the messages that exist, in order.

    If they reach `last_id`, listening without `after_id` begins right after it.

    A long response is one WebSocket message in several fragments (RFC 6455, 5.4); libraries put them together.
    """

    messages: list[EncodedMessage]
    first_id: FirstId = 1
    last_id: LastId = 0
    request: RequestName | None = None
    log: LogToken = ""
    mine: (
        Annotated[
            dict[str, list[Emoji]],
            Meta(description="The user's own reactions, by message id.", examples=[{"42": ["👍"]}]),
        ]
        | None
    ) = None


class LatestMessage(msgspec.Struct, tag_field="type", tag="latest_message"):
    """A message, sent to each listener."""

    message: EncodedMessage


class MessageChanged(msgspec.Struct, tag_field="type", tag="message_changed"):
    """A message as it is after a change; to those who listen with `after_change`."""

    message: EncodedMessage


class ReactionsChanged(msgspec.Struct, tag_field="type", tag="reactions_changed"):
    """In place of `message_changed`, where nothing but the reactions changed. In busy rooms, at most one a second for a message."""

    change_id: ChangeId
    message_id: MessageId
    reactions: list[ReactionView]


class CaughtUp(msgspec.Struct, tag_field="type", tag="caught_up"):
    """All that a `listen_latest` with `after_change` had missed has been sent; once for each. Later frames are live."""

    last_id: MessageId
    change_id: ChangeId


class TypingUsers(msgspec.Struct, tag_field="type", tag="typing"):
    """Who is typing, at most 5 users. Each one counts for 6 seconds, unless a later frame has them too."""

    user_ids: list[UserId]


class Presence(msgspec.Struct, tag_field="type", tag="presence", omit_defaults=True):
    """How many users have the room open, and in small rooms who. Sent when it changes, at most every 5 seconds."""

    online: Annotated[int, Meta(examples=[3])]
    users: list[UserId] | None = None


class Ack(msgspec.Struct, tag_field="type", tag="ack", omit_defaults=True):
    """Answers a `message` or a change that had a nonce: it is durable.

    Of a change, `change_id` is the number that its message has now. Of a `delete`, `message_id` is the first of the messages, and
    `change_id` the greatest of their numbers.
    """

    nonce: Nonce
    message_id: MessageId
    change_id: ChangeId | None = None


class Error(msgspec.Struct, tag_field="type", tag="error", omit_defaults=True):
    """Answers a frame that was refused; the connection stays open.

    `code` is for programs, `message` for people. `nonce` is that of the message or change that was not stored, `request` that of
    the `fetch` that gets no other answer. Of an invalid frame they are repeated if they can be read and are not too long.
    `retry_after`, in seconds, comes with `rate_limited`: too many posts, or a room in slow mode. `until` comes with `muted`, and
    `log`, the name of the log that the room has now, with `other_log`.
    """

    code: ErrorCode
    message: Annotated[str, Meta(examples=["Too many messages; wait a little"])]
    nonce: str | None = None
    request: str | None = None
    retry_after: Annotated[float, Meta(examples=[0.25])] | None = None
    until: TimeText | None = None
    log: LogToken | None = None


ServerFrame = (
    InitialState
    | FetchResponse
    | LatestMessage
    | MessageChanged
    | ReactionsChanged
    | CaughtUp
    | TypingUsers
    | Presence
    | Ack
    | Error
)
