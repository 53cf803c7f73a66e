"""Decodes the frames of clients, and encodes those of the server.

A server's frames are not masked (RFC 6455, 5.1), so all readers get the same bytes: a message is encoded once and sent to all.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from reichatd import rights
from reichatd.chat.frames.client import ClientFrame
from reichatd.chat.frames.server import (
    Error,
    ErrorCode,
    FetchResponse,
    InitialState,
    LatestMessage,
    MessageChanged,
    ReactionsChanged,
    ServerFrame,
)
from reichatd.chat.frames.user import UserFrame
from reichatd.messaging import MessageView, PinView, ReactionView
from reichatd.settings import EmailVisibility
from reichatd.store import PLAIN, Extras, Message
from reichatd.text import GONE
from reichatd.timestamps import isoformat

PING = b"\x89\x00"
"""An empty ping (RFC 6455, 5.5.2)."""

_CONTINUATION, _TEXT = 0, 1
_FINAL = 0x80
"""The FIN bit of a frame's first byte: this is the last frame of its message (RFC 6455, 5.2)."""

_decoder: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)
_encoder = msgspec.json.Encoder()
_LATEST = _encoder.encode(LatestMessage(msgspec.Raw()))[:-1]
_CHANGED = _encoder.encode(MessageChanged(msgspec.Raw()))[:-1]


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


def encode(frame: ServerFrame | UserFrame) -> bytes:
    """The WebSocket text frame that carries `frame`, unmasked and unfragmented."""
    return _text_frame(_encoder.encode(frame))


def as_json(message: Message, emails: EmailVisibility) -> bytes:
    """A stored message as clients see it, as JSON. All frames that contain the message are made from these bytes.

    Arguments:
        emails: `privacy.emails`.
    """
    view = MessageView(
        message.message_id,
        message.user_id,
        message.username or GONE,
        message.email if rights.shows_email(emails, shares_room=message.shares_room) else "",
        message.content,
        isoformat(message.timestamp),
        message.change_id,
    )
    if message.extras is not PLAIN:
        _add(view, message.extras)
    return _encoder.encode(view)


def _add(view: MessageView, extras: Extras) -> None:
    view.edited_at = isoformat(extras.edited_at) if extras.edited_at else None
    view.deleted = extras.deleted
    view.reply_to = extras.reply_to
    view.mentions = extras.mentions
    view.mention_room = extras.mention_room
    view.reactions = tuple(_reactions(extras))
    view.pinned = PinView(extras.pinned.by, isoformat(extras.pinned.at)) if extras.pinned else None


def _reactions(extras: Extras) -> list[ReactionView]:
    return [ReactionView(each.emoji, each.count, list(each.users)) for each in extras.reactions]


def author(user_id: str) -> bytes:
    """A part of each message of this user, as `as_json` makes it, and of no other: in texts, quotation marks are escaped."""
    return b'"user_id":%b' % _encoder.encode(user_id)


def latest_message(message: bytes) -> bytes:
    """The frame that all listeners in the room are sent.

    Arguments:
        message: from `as_json`.
    """
    return _text_frame(b"%b%b}" % (_LATEST, message))


def message_changed(message: bytes) -> bytes:
    """The frame for those who listen to changes.

    Arguments:
        message: from `as_json`.
    """
    return _text_frame(b"%b%b}" % (_CHANGED, message))


def reactions_changed(message: Message) -> bytes:
    """In place of `message_changed`, where nothing but the reactions changed."""
    return encode(ReactionsChanged(message.change_id, message.message_id, _reactions(message.extras)))


def message_in(frame: bytes) -> memoryview:
    """The message in a frame of `latest_message`, as JSON, without a copy."""
    head = 2 if frame[1] < 126 else 4 if frame[1] == 126 else 10
    return memoryview(frame)[head + len(_LATEST) : -1]


def payloads(data: bytes) -> Iterator[memoryview]:
    """The payloads of some frames of the server, without copies."""
    view, start = memoryview(data), 0
    while start < len(data):
        size, head = data[start + 1], 2
        if size >= 126:
            head = 4 if size == 126 else 10
            size = int.from_bytes(view[start + 2 : start + head], "big")
        yield view[start + head : start + head + size]
        start += head + size


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
