"""The frames of the conversation, as this client needs them."""

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


# What it is sent


class InitialState(msgspec.Struct, tag_field="type", tag="initial_state"):
    last_read_id: int
    messages: list[Message]
    first_id: int = 1
    """Where the log begins: what was before it has been removed."""
    last_id: int = 0
    """Where the log ends; 0 if the server, an older one, does not say."""


class FetchResponse(msgspec.Struct, tag_field="type", tag="fetch_response"):
    messages: list[Message]
    first_id: int = 1


class LatestMessage(msgspec.Struct, tag_field="type", tag="latest_message"):
    message: Message


class Ack(msgspec.Struct, tag_field="type", tag="ack"):
    nonce: str
    message_id: int


class Error(msgspec.Struct, tag_field="type", tag="error"):
    """A frame of ours was refused. `retry_after` is in seconds."""

    code: str
    message: str
    nonce: str | None = None
    retry_after: float | None = None


ServerFrame = InitialState | FetchResponse | LatestMessage | Ack | Error

MESSAGE_CHARACTERS = 5_000
"""What a message may have at most, unless the server says otherwise."""

_LEADING_BLANK_LINES = re.compile(r"\A(?:[^\S\n]*\n)+")
_SURROGATES = re.compile("[\ud800-\udfff]")

_decoder: msgspec.json.Decoder[ServerFrame] = msgspec.json.Decoder(ServerFrame)


def encode(frame: ClientFrame) -> str:
    return msgspec.json.encode(frame).decode()


def decode(text: str | bytes) -> ServerFrame | None:
    """A frame of the server; None for one of a type that this client does not know: a newer server may send it."""
    try:
        return _decoder.decode(text)
    except msgspec.DecodeError:
        return None


def trimmed(text: str) -> str:
    """What the server keeps of a message: without blank lines before and space behind; several lines keep their indentation."""
    kept = _LEADING_BLANK_LINES.sub("", text.rstrip())
    return kept if len(kept.splitlines()) > 1 else kept.strip()


def encodable(text: str) -> str:
    """The text with U+FFFD for each lone surrogate: Python's sign for a byte that was no UTF-8, which JSON cannot hold."""
    return _SURROGATES.sub("\ufffd", text)


def excess(content: str, characters: int) -> str:
    """Why a message cannot be sent, for a person; "" if it can.

    Arguments:
        characters: how many a message may have.
    """
    over = len(content) - characters
    return f"{over:,} characters too long: a message has at most {characters:,}" if over > 0 else ""
