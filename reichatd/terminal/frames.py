"""The frames, reduced to the fields that this client uses."""

import re
from datetime import datetime

import msgspec


class Reaction(msgspec.Struct, frozen=True):
    """An emoji on a message, and how many users reacted with it."""

    emoji: str
    count: int


class Pinned(msgspec.Struct, frozen=True):
    """Who pinned a message: a user id."""

    by: str


class Message(msgspec.Struct, frozen=True):
    """A message of a room's log. The fields with defaults are absent when they are empty, and always with an older server.

    Arguments:
        change_id: grows with each change of the message.
        deleted: who deleted it: "author", "moderator", or "erased".
        reply_to: the id of the message that this one replies to; 0 for none.
        mentions: user ids.
        mention_room: whether it mentions everyone.
    """

    message_id: int
    user_id: str
    username: str
    content: str
    timestamp: datetime
    change_id: int = 0
    edited_at: datetime | None = None
    deleted: str | None = None
    reply_to: int = 0
    mentions: list[str] = []
    mention_room: bool = False
    reactions: list[Reaction] = []
    pinned: Pinned | None = None


# What a client sends


class Fetch(msgspec.Struct, tag_field="type", tag="fetch"):
    from_id: int
    to_id: int


class ListenLatest(msgspec.Struct, tag_field="type", tag="listen_latest", omit_defaults=True):
    """With `after_change`, changes of messages come too, of earlier ones only those of the messages from `held_from` on."""

    after_id: int
    after_change: int | None = None
    held_from: int | None = None
    log: str | None = None
    want: list[str] = []


class SetLastRead(msgspec.Struct, tag_field="type", tag="set_last_read"):
    message_id: int


class Post(msgspec.Struct, tag_field="type", tag="message", omit_defaults=True):
    content: str
    nonce: str
    reply_to: int | None = None


class Edit(msgspec.Struct, tag_field="type", tag="edit"):
    message_id: int
    content: str
    nonce: str


class Delete(msgspec.Struct, tag_field="type", tag="delete"):
    message_ids: list[int]
    nonce: str


class React(msgspec.Struct, tag_field="type", tag="react"):
    message_id: int
    emoji: str
    nonce: str


class Unreact(msgspec.Struct, tag_field="type", tag="unreact"):
    message_id: int
    emoji: str
    nonce: str


class SendTyping(msgspec.Struct, tag_field="type", tag="typing"):
    pass


Change = Edit | Delete | React | Unreact
ClientFrame = Fetch | ListenLatest | SetLastRead | Post | Change | SendTyping


# What a client receives


class InitialState(msgspec.Struct, tag_field="type", tag="initial_state"):
    last_read_id: int
    messages: list[Message]
    first_id: int = 1
    """The first message of the log; those before it have been deleted."""
    last_id: int = 0
    """The last message of the log; 0 if an older server does not say."""
    change_id: int = 0
    """The last change, as it was before the messages were read."""
    log: str = ""
    """The name of the log; another one means that the log is not the same any more. "" if an older server knows no changes."""


class FetchResponse(msgspec.Struct, tag_field="type", tag="fetch_response"):
    messages: list[Message]
    first_id: int = 1


class LatestMessage(msgspec.Struct, tag_field="type", tag="latest_message"):
    message: Message


class MessageChanged(msgspec.Struct, tag_field="type", tag="message_changed"):
    message: Message


class ReactionsChanged(msgspec.Struct, tag_field="type", tag="reactions_changed"):
    change_id: int
    message_id: int
    reactions: list[Reaction]


class CaughtUp(msgspec.Struct, tag_field="type", tag="caught_up"):
    change_id: int


class Typing(msgspec.Struct, tag_field="type", tag="typing"):
    user_ids: list[str]


class Ack(msgspec.Struct, tag_field="type", tag="ack"):
    nonce: str
    message_id: int


class Error(msgspec.Struct, tag_field="type", tag="error"):
    """The server refused a frame. `retry_after` is in seconds."""

    code: str
    message: str
    nonce: str | None = None
    retry_after: float | None = None


ServerFrame = (
    InitialState | FetchResponse | LatestMessage | MessageChanged | ReactionsChanged | CaughtUp | Typing | Ack | Error
)

MESSAGE_CHARACTERS = 5_000
"""The maximum length of a message, unless the server says otherwise."""

_LEADING_BLANK_LINES = re.compile(r"\A(?:[^\S\n]*\n)+")
_SURROGATES = re.compile("[\ud800-\udfff]")

_decoder: msgspec.json.Decoder[ServerFrame] = msgspec.json.Decoder(ServerFrame)


def encode(frame: ClientFrame) -> str:
    return msgspec.json.encode(frame).decode()


def decode(text: str | bytes) -> ServerFrame | None:
    """A frame of the server; None if its type is unknown (a newer server may send it) or it is malformed."""
    try:
        return _decoder.decode(text)
    except msgspec.DecodeError:
        return None


def trimmed(text: str) -> str:
    """The text as the server stores it: without leading blank lines and trailing space. Several lines keep their indentation."""
    kept = _LEADING_BLANK_LINES.sub("", text.rstrip())
    return kept if len(kept.splitlines()) > 1 else kept.strip()


def encodable(text: str) -> str:
    """The text with U+FFFD for each lone surrogate: Python uses these for bytes that are not UTF-8, and JSON cannot hold them."""
    return _SURROGATES.sub("\ufffd", text)


def length_problem(content: str, max_characters: int) -> str:
    """Says that a message is too long, in words for a person; "" if it is not."""
    excess = len(content) - max_characters
    return f"{excess:,} characters too long: a message has at most {max_characters:,}" if excess > 0 else ""
