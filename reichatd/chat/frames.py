"""The frames of the conversation: their types, how client frames are decoded, and how server frames are encoded.

A server's frames are not masked (RFC 6455, 5.1), so all readers get the same bytes: a message is encoded once and sent to all.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from reichatd import rights
from reichatd.settings import EmailVisibility
from reichatd.store import Message
from reichatd.text import GONE
from reichatd.timestamps import isoformat

PING = b"\x89\x00"
"""An empty ping (RFC 6455, 5.5.2)."""


# The names of these types are shown in the contract with clients; `limits.…` in them stands for the setting's value. Decoding
# checks none of it.
MessageId = Annotated[int, Meta(description="1, 2, 3, … in each room, without a gap.", examples=[42])]
FirstId = Annotated[
    int, Meta(description="Where the log begins, if older messages have been removed.", examples=[1001])
]
LastId = Annotated[
    int,
    Meta(
        description="Where the log ended when the reply was made; absent while the room has never had a message.",
        examples=[1042],
    ),
]
Content = Annotated[
    str,
    Meta(
        description="Text with at least one visible character. Leading blank lines and trailing white space are removed; from a "
        "single line, leading white space too.",
        examples=["Hello, log!"],
        extra_json_schema={"minLength": 1, "maxLength": "limits.message_chars"},
    ),
]
Nonce = Annotated[
    str,
    Meta(
        description="A name that the author gives a message; unique among the author's messages in the room.",
        examples=["b2f6c1e0"],
        extra_json_schema={"minLength": 1, "maxLength": "limits.nonce_chars"},
    ),
]
RequestName = Annotated[
    str,
    Meta(
        description="A name that the client gives a request: the response, or the error, repeats it.",
        examples=["7"],
        extra_json_schema={"maxLength": "limits.nonce_chars"},
    ),
]
TimeText = Annotated[
    str,
    Meta(
        description="ISO 8601, UTC.",
        examples=["2026-01-31T12:00:00.000000+00:00"],
        extra_json_schema={"format": "date-time"},
    ),
]
FrameErrorCode = Literal["bad_frame", "bad_content", "bad_nonce", "fetch_too_large", "muted"]
SharedErrorCode = Literal["rate_limited", "unavailable", "forbidden", "room_not_found"]
"""Codes of `reichatd.errors`; a test holds them equal."""
ErrorCode = Literal[FrameErrorCode, SharedErrorCode]


class Fetch(msgspec.Struct, tag_field="type", tag="fetch"):
    """Asks for the messages of these ids, both included. Answered by `fetch_response`.

    Too many ids at once are refused (`fetch_too_large`), never answered in part: a short answer is the end of the log.
    """

    from_id: MessageId
    to_id: MessageId
    request: RequestName | None = None


class SetLastRead(msgspec.Struct, tag_field="type", tag="set_last_read"):
    """Moves the user's read mark in the room forward to this message, never backward. Not answered."""

    message_id: MessageId


class ListenLatest(msgspec.Struct, tag_field="type", tag="listen_latest"):
    """Asks for `latest_message` for every message from here on, in order, without a gap or a repeat.

    With `after_id`, all messages after that id come first: after a reconnect nothing is missed. Without it, listening begins
    after the last reply, if that reached the end of the log at that time, otherwise at the end of the log.
    """

    after_id: MessageId | None = None


class SendMessage(msgspec.Struct, tag_field="type", tag="message"):
    """Posts a message. It is stored, then sent to all listeners; with a nonce, it is then answered by `ack`.

    A message that is sent again with the same nonce is stored once and acknowledged each time: after a lost connection, a
    client that has no `ack` can safely repeat it.
    """

    content: Content
    nonce: Nonce | None = None


ClientFrame = Fetch | SetLastRead | ListenLatest | SendMessage


class MessageView(msgspec.Struct):
    """A message as clients see it, with its author's current name."""

    message_id: MessageId
    user_id: Annotated[str, Meta(examples=["65f0c1d2e3a4b5968778695a"])]
    username: Annotated[str, Meta(examples=["ada"])]
    email: Annotated[
        str, Meta(description='The author\'s address; "" where it is not shown.', examples=["ada@example.org"])
    ]
    content: Annotated[str, Meta(examples=["Hello, log!"])]
    timestamp: TimeText


EncodedMessage = Annotated[msgspec.Raw, Meta(extra_json_schema={"$ref": "#/components/schemas/MessageView"})]
"""A MessageView, encoded as JSON."""


class InitialState(msgspec.Struct, tag_field="type", tag="initial_state", omit_defaults=True):
    """The first frame: the user's read mark (0: nothing is read yet), and messages before and after it."""

    last_read_id: Annotated[int, Meta(examples=[42])]
    messages: list[EncodedMessage]
    first_id: FirstId = 1
    last_id: LastId = 0


class FetchResponse(msgspec.Struct, tag_field="type", tag="fetch_response", omit_defaults=True):
    """Answers `fetch`: those of the messages that exist, in order.

    If they reach `last_id`, listening without `after_id` begins right after it.

    A long response is one WebSocket message in several fragments (RFC 6455, 5.4); libraries put them together.
    """

    messages: list[EncodedMessage]
    first_id: FirstId = 1
    last_id: LastId = 0
    request: RequestName | None = None


class LatestMessage(msgspec.Struct, tag_field="type", tag="latest_message"):
    """A message, sent to each listener."""

    message: EncodedMessage


class Ack(msgspec.Struct, tag_field="type", tag="ack"):
    """Answers a `message` that had a nonce: the message is durable."""

    nonce: Nonce
    message_id: MessageId


class Error(msgspec.Struct, tag_field="type", tag="error", omit_defaults=True):
    """Answers a frame that was refused; the connection stays open.

    `code` is for programs, `message` for people. `nonce` is that of the message that was not stored, `request` that of the
    `fetch` that gets no other answer. Of an invalid frame they are repeated if they can be read and are not too long.
    `retry_after`, in seconds, comes with `rate_limited`: too many posts, or a room in slow mode. `until` comes with `muted`.
    """

    code: ErrorCode
    message: Annotated[str, Meta(examples=["Too many messages; wait a little"])]
    nonce: str | None = None
    request: str | None = None
    retry_after: Annotated[float, Meta(examples=[0.25])] | None = None
    until: TimeText | None = None


ServerFrame = InitialState | FetchResponse | LatestMessage | Ack | Error

_CONTINUATION, _TEXT = 0, 1
_FINAL = 0x80
"""The FIN bit of a frame's first byte: this is the last frame of its message (RFC 6455, 5.2)."""

_decoder: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)
_encoder = msgspec.json.Encoder()
_LATEST = _encoder.encode(LatestMessage(msgspec.Raw()))[:-1]


class BadFrame(Exception):
    """A client's frame is not valid. The text is for the client."""


def decode(text: str | bytes) -> ClientFrame:
    """Decodes one frame of a client.

    Raises:
        BadFrame: it is binary, is not JSON, has no known type, or its fields do not fit that type.
    """
    if isinstance(text, bytes):
        raise BadFrame("Binary frames are not part of this protocol")
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        # UnicodeError: a lone surrogate, which JSON can express and text cannot hold. RecursionError: deep nesting.
        raise BadFrame(str(error) if isinstance(error, msgspec.MsgspecError) else "Not valid JSON text") from None


def encode(frame: ServerFrame) -> bytes:
    """The WebSocket text frame that carries `frame`, unmasked and unfragmented."""
    return _text_frame(_encoder.encode(frame))


def as_json(message: Message, emails: EmailVisibility) -> bytes:
    """A stored message as clients see it, as JSON. All frames that contain the message are made from these bytes.

    Arguments:
        emails: `privacy.emails`.
    """
    return _encoder.encode(
        MessageView(
            message.message_id,
            message.user_id,
            message.username or GONE,
            message.email if rights.shows_email(emails, shares_room=message.shares_room) else "",
            message.content,
            isoformat(message.timestamp),
        )
    )


def author(user_id: str) -> bytes:
    """A part of each message of this user, as `as_json` makes it, and of no other: in texts, quotation marks are escaped."""
    return b'"user_id":%b' % _encoder.encode(user_id)


def latest_message(message: bytes) -> bytes:
    """The frame that all listeners in the room are sent.

    Arguments:
        message: from `as_json`.
    """
    return _text_frame(b"%b%b}" % (_LATEST, message))


def message_in(frame: bytes) -> memoryview:
    """The message in a frame of `latest_message`, as JSON, without a copy."""
    head = 2 if frame[1] < 126 else 4 if frame[1] == 126 else 10
    return memoryview(frame)[head + len(_LATEST) : -1]


def around_messages(frame: InitialState | FetchResponse) -> tuple[bytes, bytes]:
    """The JSON of a frame without messages, split where they go: before them and after them."""
    before, bracket, after = _encoder.encode(frame).partition(b"[")
    return before + bracket, after


def piece(parts: Sequence[bytes | memoryview], *, is_first: bool, is_last: bool) -> bytes:
    """One frame of a text message in one or more frames (RFC 6455, 5.4). Each frame has whole characters."""
    opcode = _TEXT if is_first else _CONTINUATION
    return b"".join((_head(opcode | _FINAL if is_last else opcode, sum(map(len, parts))), *parts))


def _text_frame(payload: bytes) -> bytes:
    return _head(_TEXT | _FINAL, len(payload)) + payload


def _head(first: int, size: int) -> bytes:
    if size < 126:
        return bytes((first, size))
    if size < 65_536:
        return bytes((first, 126)) + size.to_bytes(2, "big")
    return bytes((first, 127)) + size.to_bytes(8, "big")


def error(code: ErrorCode, message: str, **more: Any) -> bytes:  # noqa: ANN401 - the optional fields of Error
    """An encoded error frame; `more` are its optional fields."""
    return encode(Error(code, message, **more))
