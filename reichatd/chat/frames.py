"""The frames of the conversation: what clients send, what they are sent, and the bytes of both.

A server's frames are not masked (RFC 6455, 5.1), so the bytes of a message are the same for every reader: made once, sent to all.
"""

from typing import Any

import msgspec

from reichatd.store import Message
from reichatd.timestamps import isoformat

PING = b"\x89\x00"
"""An empty ping (RFC 6455, 5.5.2)."""


class Fetch(msgspec.Struct, tag_field="type", tag="fetch"):
    from_id: int
    to_id: int


class SetLastRead(msgspec.Struct, tag_field="type", tag="set_last_read"):
    message_id: int


class ListenLatest(msgspec.Struct, tag_field="type", tag="listen_latest"):
    after_id: int | None = None


class SendMessage(msgspec.Struct, tag_field="type", tag="message"):
    content: str
    nonce: str | None = None


ClientFrame = Fetch | SetLastRead | ListenLatest | SendMessage


class MessageView(msgspec.Struct):
    """A message as clients see it. `timestamp` is ISO 8601 in UTC."""

    message_id: int
    user_id: str
    username: str
    email: str
    content: str
    timestamp: str


class InitialState(msgspec.Struct, tag_field="type", tag="initial_state", omit_defaults=True):
    """`messages` are MessageViews, as JSON already; `first_id` is where the log begins, if what was before it was removed."""

    last_read_id: int
    messages: list[msgspec.Raw]
    first_id: int = 1


class FetchResponse(msgspec.Struct, tag_field="type", tag="fetch_response", omit_defaults=True):
    """As InitialState."""

    messages: list[msgspec.Raw]
    first_id: int = 1


class Ack(msgspec.Struct, tag_field="type", tag="ack"):
    nonce: str
    message_id: int


class Error(msgspec.Struct, tag_field="type", tag="error", omit_defaults=True):
    """`retry_after` is in seconds."""

    code: str
    message: str
    nonce: str | None = None
    retry_after: float | None = None


ServerFrame = InitialState | FetchResponse | Ack | Error

_decoder: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)
_encoder = msgspec.json.Encoder()
GONE = "(deleted)"
"""What an author is called who is no more. Nobody can take this name: it is not alphanumeric."""

_LATEST = b'{"type":"latest_message","message":'


class BadFrame(Exception):
    """A client's frame that is none. The text is for the client."""


def decode(text: str | bytes) -> ClientFrame:
    """Reads one message of a client.

    Raises:
        BadFrame: it is binary, no JSON, of no known type, or its fields are not what that type has.
    """
    if isinstance(text, bytes):
        raise BadFrame("Binary frames are not part of this protocol")
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        # UnicodeError: a lone surrogate, which JSON can spell and no text can hold. RecursionError: deep nesting.
        raise BadFrame(str(error) if isinstance(error, msgspec.MsgspecError) else "Not valid JSON text") from None


def encode(frame: ServerFrame) -> bytes:
    """The WebSocket text frame that carries `frame`, unmasked and unfragmented."""
    return _text_frame(_encoder.encode(frame))


def as_json(message: Message) -> bytes:
    """A stored message as clients see it, in JSON: its only encoding, of which all frames that show it are made."""
    return _encoder.encode(
        MessageView(
            message.message_id,
            message.user_id,
            message.username or GONE,
            message.email,
            message.content,
            isoformat(message.timestamp),
        )
    )


def latest_message(message: bytes) -> bytes:
    """The frame that every listener of the message's room is sent.

    Arguments:
        message: as `as_json` gives it.
    """
    return _text_frame(b"%b%b}" % (_LATEST, message))


def message_in(frame: bytes) -> msgspec.Raw:
    """The message that a frame of `latest_message` carries, as JSON."""
    head = 2 if frame[1] < 126 else 4 if frame[1] == 126 else 10
    return msgspec.Raw(frame[head + len(_LATEST) : -1])


def _text_frame(payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return b"\x81" + size.to_bytes(1, "big") + payload
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def error(code: str, message: str, **more: Any) -> bytes:  # noqa: ANN401 - the optional fields of Error
    """The bytes of an error frame; `more` are its optional fields."""
    return encode(Error(code, message, **more))
