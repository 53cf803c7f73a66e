"""A message as clients see it, by REST and on sockets."""

from typing import Annotated

import msgspec
from msgspec import Meta

from reichatd.messaging.fields import ChangeId, Emoji, MessageId, TimeText, UserId
from reichatd.store import DeletedBy


class ReactionView(msgspec.Struct):
    """The reactions to a message with one emoji: how many, and the first users."""

    emoji: Emoji
    count: Annotated[int, Meta(examples=[3])]
    users: list[UserId]


class PinView(msgspec.Struct):
    """Who pinned a message, and when."""

    by: UserId
    at: TimeText


class MessageView(msgspec.Struct, omit_defaults=True):
    """A message as clients see it, with its author's current name. The fields after `timestamp` are absent when empty.

    Take a state of a message only if its `change_id` is greater than that of the state that you have. The content of a deleted
    message is "(deleted)".
    """

    message_id: MessageId
    user_id: UserId
    username: Annotated[str, Meta(examples=["ada"])]
    email: Annotated[
        str, Meta(description='The author\'s address; "" where it is not shown.', examples=["ada@example.org"])
    ]
    content: Annotated[str, Meta(examples=["Hello, log!"])]
    timestamp: TimeText
    change_id: ChangeId = 0
    edited_at: TimeText | None = None
    deleted: Annotated[DeletedBy, Meta(examples=["author"])] | None = None
    reply_to: Annotated[int, Meta(description="The id of another message of the room.", examples=[40])] = 0
    mentions: tuple[UserId, ...] = ()
    mention_room: bool = False
    reactions: tuple[ReactionView, ...] = ()
    pinned: PinView | None = None
