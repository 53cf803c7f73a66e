"""The frames, reduced to the fields that this client uses."""

import re
from datetime import datetime

import msgspec


class Message(msgspec.Struct, frozen=True):
    """A message of a room's log."""

    message_id: int
    user_id: str
    username: str
    content: str
    timestamp: datetime


# What a client sends


class Fetch(msgspec.Struct, tag_field="type", tag="fetch"):
    from_id: int
    to_id: int


class ListenLatest(msgspec.Struct, tag_field="type", tag="listen_latest"):
    after_id: int


class SetLastRead(msgspec.Struct, tag_field="type", tag="set_last_read"):
    message_id: int


class Post(msgspec.Struct, tag_field="type", tag="message"):
    content: str
    nonce: str


ClientFrame = Fetch | ListenLatest | SetLastRead | Post


# What a client receives


class InitialState(msgspec.Struct, tag_field="type", tag="initial_state"):
    last_read_id: int
    messages: list[Message]
    first_id: int = 1
    """The first message of the log; those before it have been deleted."""
    last_id: int = 0
    """The last message of the log; 0 if an older server does not say."""


class FetchResponse(msgspec.Struct, tag_field="type", tag="fetch_response"):
    messages: list[Message]
    first_id: int = 1


class LatestMessage(msgspec.Struct, tag_field="type", tag="latest_message"):
    message: Message


class Ack(msgspec.Struct, tag_field="type", tag="ack"):
    nonce: str
    message_id: int


class Error(msgspec.Struct, tag_field="type", tag="error"):
    """The server refused a frame. `retry_after` is in seconds."""

    code: str
    message: str
    nonce: str | None = None
    retry_after: float | None = None


ServerFrame = InitialState | FetchResponse | LatestMessage | Ack | Error

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
