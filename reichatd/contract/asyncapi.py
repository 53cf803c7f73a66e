"""Generates the AsyncAPI 3.0 document of the WebSockets from the types of their frames."""

from typing import NamedTuple, get_args
from urllib.parse import urlsplit

import msgspec

from reichatd import __version__, closing
from reichatd.chat import frames
from reichatd.contract.schemas import JSON, REF, example, schemas
from reichatd.messaging import MessageView
from reichatd.settings import LimitSettings

_ABOUT = """\
One WebSocket is one member's conversation in one room; another kind tells a device what happens in all rooms of its user. Frames
are JSON objects in text messages, with a `type`; unknown fields are ignored. A room is a log: its messages are numbered 1, 2, 3, …
without a gap, and clients read the log from some number on.

To lose no message: remember the last id that you have. Give every message a nonce, and send it again with the same nonce until it
is acknowledged. After each reconnect, send `listen_latest` with `after_id`.

For accounts, rooms and tokens, see [the REST interface](docs)."""

_CHANNEL = """\
A request without `Upgrade: websocket` (a proxy may have removed it) is answered with 426, a request by a page of another site with
403. Every other handshake is accepted. A client without permission gets a close frame, since a browser cannot read a refused
handshake. The connection stays open when its access token expires; it ends with the login session. `/room/{room_id}` is the same
channel, for older clients.

A token for programs needs the scope `read` to open it, and `write` for `message` and `set_last_read`: without it they are answered
with an `error` of the code `forbidden`."""

_USER_CHANNEL = """\
What happens in all rooms of a user: one WebSocket for each device. Clients send nothing; what they send is ignored.

`hello` comes first. All that follow are states, not events: a later one replaces an earlier one of the same type for the same
room or user. A client that reads slowly, or reconnects, misses no state, but may get fewer frames.

The handshake, the tokens and the close codes are those of a conversation. A token for programs needs the scope `read`; it is told
of its rooms only."""

CLOSE_CODES = {
    closing.GOING_AWAY: "The daemon shuts down. Reconnect after the pause in the reason (`…; retry-after-ms=N`, in milliseconds).",
    closing.POLICY_VIOLATION: "Not a member, or no longer; the room was deleted; a token for programs without the right; or too "
    "many bad frames.",
    closing.TOO_BIG: "The message is too big, by the length that its frames announce. Do not send it again.",
    closing.INTERNAL_ERROR: "An error in the daemon.",
    closing.TRY_AGAIN_LATER: "The client reads too slowly, or has too many WebSockets open. No message is lost: reconnect later.",
    closing.UNAUTHORIZED: "No token, an invalid token, or the login session has ended.",
}
"""The close codes of the daemon, and their meaning."""

_REPLIES: dict[type[msgspec.Struct], type[msgspec.Struct]] = {
    frames.Fetch: frames.FetchResponse,
    frames.SendMessage: frames.Ack,
    **dict.fromkeys(get_args(frames.ChangeFrame), frames.Ack),
}
_Frame = type[msgspec.Struct]
_KEYS: dict[_Frame, str] = {frames.TypingUsers: "typing_users"}
"""The keys of frames whose type another frame has, too."""


class _Channel(NamedTuple):
    name: str
    address: str
    description: str
    received: tuple[_Frame, ...]
    sent: tuple[_Frame, ...]
    parameters: JSON

    @property
    def frames(self) -> tuple[_Frame, ...]:
        return (*self.received, *self.sent)

    @property
    def ref(self) -> str:
        return f"#/channels/{self.name}"


_CHANNELS = (
    _Channel(
        "conversation",
        "/ws/chat/{room_id}",
        _CHANNEL,
        get_args(frames.ClientFrame),
        get_args(frames.ServerFrame),
        {"room_id": {"description": "The room's id; the user must be a member."}},
    ),
    _Channel("user", "/ws/user", _USER_CHANNEL, (), get_args(frames.UserFrame), {}),
)


def asyncapi(limits: LimitSettings, public_url: str = "") -> JSON:
    """Generates the document, with the limits in force.

    Arguments:
        public_url: the URL of the daemon for clients; "" if it is not known.
    """
    every = [frame for channel in _CHANNELS for frame in channel.frames]
    received = [frame for channel in _CHANNELS for frame in channel.received]
    sent = [frame for channel in _CHANNELS for frame in channel.sent]
    components = schemas(received, (*sent, MessageView), limits)
    components[frames.Fetch.__name__]["anyOf"] = [{"required": ["from_id", "to_id"]}, {"required": ["ids"]}]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "reichatd: the conversation",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "AGPL-3.0-or-later"},
        },
        "defaultContentType": "application/json",
        "servers": _servers(public_url),
        "channels": {channel.name: _channel(channel) for channel in _CHANNELS},
        "operations": {
            _key(frame): _operation(frame, action, channel)
            for channel in _CHANNELS
            for action, some in (("receive", channel.received), ("send", channel.sent))
            for frame in some
        },
        "components": {
            "schemas": components,
            "messages": {_key(frame): _message(frame, components) for frame in every},
            "securitySchemes": {
                "query": {
                    "type": "httpApiKey",
                    "in": "query",
                    "name": "token",
                    "description": "The access token, or a token for programs, in the URL, which logs may contain.",
                },
                "ticket": {
                    "type": "httpApiKey",
                    "in": "query",
                    "name": "ticket",
                    "description": "A ticket of POST /ws/ticket, valid once: for browsers, which cannot send the header.",
                },
                "header": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The access token, or a token for programs, in a header that logs do not contain.",
                },
            },
        },
    }


def _servers(public_url: str) -> JSON:
    if public_url:
        url = urlsplit(public_url.rstrip("/"))
        pathname = {"pathname": url.path} if url.path else {}
        return {"public": {"host": url.netloc, "protocol": "wss" if url.scheme == "https" else "ws", **pathname}}
    return {
        name: {
            "host": "{host}",
            "protocol": protocol,
            "description": description,
            "variables": {"host": {"default": "127.0.0.1:8000", "description": "The host and port of the daemon."}},
        }
        for name, protocol, description in (
            ("plain", "ws", "Without encryption, for the same machine only."),
            ("encrypted", "wss", "With TLS, by the daemon or a reverse proxy."),
        )
    }


def _channel(channel: _Channel) -> JSON:
    return {
        "address": channel.address,
        "description": channel.description,
        **({"parameters": channel.parameters} if channel.parameters else {}),
        "messages": {_key(frame): {"$ref": f"#/components/messages/{_key(frame)}"} for frame in channel.frames},
        "bindings": {
            "ws": {
                "method": "GET",
                "query": {"type": "object", "properties": {name: {"type": "string"} for name in ("ticket", "token")}},
                "bindingVersion": "0.1.0",
            }
        },
        "x-close-codes": {str(code): text for code, text in CLOSE_CODES.items()},
    }


def _operation(frame: _Frame, action: str, channel: _Channel) -> JSON:
    operation: JSON = {
        "action": action,  # seen from the daemon
        "channel": {"$ref": channel.ref},
        "messages": [_in_channel(frame, channel)],
        "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in ("query", "ticket", "header")],
    }
    if action == "receive":
        answers: list[_Frame] = [*([_REPLIES[frame]] if frame in _REPLIES else []), frames.Error]
        operation["reply"] = {
            "channel": {"$ref": channel.ref},
            "messages": [_in_channel(answer, channel) for answer in answers],
        }
    return operation


def _in_channel(frame: _Frame, channel: _Channel) -> JSON:
    return {"$ref": f"{channel.ref}/messages/{_key(frame)}"}


def _message(frame: _Frame, components: JSON) -> JSON:
    schema = {"$ref": REF + frame.__name__}
    summary, _, description = components[frame.__name__]["description"].partition("\n\n")
    return {
        "name": _name(frame),
        "summary": summary,
        **({"description": description} if description else {}),
        "payload": schema,
        "examples": [{"payload": example(schema, components)}],
    }


def _name(frame: _Frame) -> str:
    return str(frame.__struct_config__.tag)


def _key(frame: _Frame) -> str:
    return _KEYS.get(frame, _name(frame))
