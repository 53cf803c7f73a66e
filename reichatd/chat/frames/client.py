"""The frames that clients send."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from reichatd.messaging import Draft
from reichatd.messaging.fields import ChangeId, Content, Emoji, LogToken, Mentions, MessageId, Nonce, RequestName

Wanted = Literal["typing", "presence"]


class Fetch(msgspec.Struct, tag_field="type", tag="fetch"):
    """Asks for the messages of these ids, both included, or for those in `ids`. Answered by `fetch_response`.

    Too many ids at once are refused (`fetch_too_large`), never answered in part: a short answer is the end of the log.

    With `mine`, the response has the user's own reactions to the messages.
    """

    from_id: MessageId | None = None
    to_id: MessageId | None = None
    request: RequestName | None = None
    ids: Annotated[list[MessageId], Meta(extra_json_schema={"maxItems": "limits.fetch_single_ids"})] | None = None
    mine: bool = False

    def __post_init__(self) -> None:
        if self.ids is None and (self.from_id is None or self.to_id is None):
            raise ValueError("A fetch has from_id and to_id, or ids")


class SetLastRead(msgspec.Struct, tag_field="type", tag="set_last_read"):
    """Moves the user's read mark in the room forward to this message, never backward. Not answered."""

    message_id: MessageId


class ListenLatest(msgspec.Struct, tag_field="type", tag="listen_latest"):
    """Asks for `latest_message` for every message from here on, in order, without a gap or a repeat.

    With `after_id`, all messages after that id come first: after a reconnect nothing is missed. Without it, listening begins
    after the last reply, if that reached the end of the log at that time, otherwise at the end of the log.

    With `after_change`, changes of messages come too: first those after that number, then each one as it happens, never before its
    message. `caught_up` follows once. Of the earlier changes, only those of the messages from `held_from` on come, if it is there.

    With `log`, an answer is only given if the log is still this one; else an error `other_log`. `want` asks for further states.
    """

    after_id: MessageId | None = None
    after_change: ChangeId | None = None
    held_from: MessageId | None = None
    log: LogToken | None = None
    want: list[Wanted] = []


class SendMessage(Draft, frozen=True, tag_field="type", tag="message"):
    """Posts a message. It is stored, then sent to all listeners; with a nonce, it is then answered by `ack`.

    A message that is sent again with the same nonce is stored once and acknowledged each time: after a lost connection, a
    client that has no `ack` can safely repeat it.

    Without `mentions`, each `@name` in the content mentions the members of that name. `mention_room` mentions all members: owner
    and moderators may, and everyone in a small room.
    """


class EditMessage(msgspec.Struct, tag_field="type", tag="edit"):
    """Gives a message of your own a new content. Like all changes, it sets a state: a repeat changes nothing.

    With `if_change`, it is refused (`conflict`) if the message has been changed since it had that `change_id` (0: never changed).
    """

    message_id: MessageId
    content: Content
    mentions: Mentions | None = None
    if_change: ChangeId | None = None
    nonce: Nonce | None = None


class DeleteMessages(msgspec.Struct, tag_field="type", tag="delete"):
    """Deletes messages, all of them or none: your own; as owner or moderator, any."""

    message_ids: Annotated[list[MessageId], Meta(extra_json_schema={"minItems": 1, "maxItems": "limits.deletes"})]
    nonce: Nonce | None = None


class AddReaction(msgspec.Struct, tag_field="type", tag="react"):
    """Reacts to a message with an emoji."""

    message_id: MessageId
    emoji: Emoji
    nonce: Nonce | None = None


class RemoveReaction(msgspec.Struct, tag_field="type", tag="unreact"):
    """Takes a reaction back."""

    message_id: MessageId
    emoji: Emoji
    nonce: Nonce | None = None


class PinMessage(msgspec.Struct, tag_field="type", tag="pin"):
    """Pins a message: owner and moderators, and members where the room lets them."""

    message_id: MessageId
    nonce: Nonce | None = None


class UnpinMessage(msgspec.Struct, tag_field="type", tag="unpin"):
    """Takes the pin off a message."""

    message_id: MessageId
    nonce: Nonce | None = None


class SetTyping(msgspec.Struct, tag_field="type", tag="typing"):
    """Says that the user is typing now; to be repeated while it lasts. Not answered.

    Users who are muted in the room, or blocked by the other user of a direct conversation, are not shown as typing.
    """


ChangeFrame = EditMessage | DeleteMessages | AddReaction | RemoveReaction | PinMessage | UnpinMessage
ClientFrame = (
    Fetch
    | SetLastRead
    | ListenLatest
    | SendMessage
    | EditMessage
    | DeleteMessages
    | AddReaction
    | RemoveReaction
    | PinMessage
    | UnpinMessage
    | SetTyping
)
