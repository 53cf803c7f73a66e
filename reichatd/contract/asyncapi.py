"""The conversation as an AsyncAPI 3.0 document, made of the types of its frames."""

from typing import get_args
from urllib.parse import urlsplit

import msgspec

from reichatd import __version__
from reichatd.chat import frames
from reichatd.contract.schemas import JSON, REF, example, schemas
from reichatd.settings import LimitSettings

_ABOUT = """\
One WebSocket is one member's conversation with one room. Frames are text, JSON objects that `type` tells apart; whatever else is in
one is ignored. A room is a log: its messages are numbered 1, 2, 3, … without a gap, and everything is reading from some number on.

To lose nothing: remember the last id that you have; give every message a nonce, and send it again with the same nonce until it is
acknowledged; after each reconnect send `listen_latest` with `after_id`.

Accounts, rooms and tokens are the business of the REST interface, which [has a document of its own](docs)."""

_CHANNEL = """\
A request without `Upgrade: websocket`, which a proxy may have dropped, is answered with 426, a page of another site with 403. Every
other handshake is accepted; who may not stay is told by a close frame, since a browser cannot read a refused handshake. A
connection outlives its access token, not its login session. `/room/{room_id}` is the same channel, for older clients."""

CLOSE_CODES = {
    1001: "The daemon goes down: come back after the pause that the reason asks for (`…; retry-after-ms=N`, in milliseconds).",
    1008: "Not a member, or no longer; the room is gone; or a flood of frames that made no sense.",
    1009: "A message was too big, by the length that its frames announced. It will be so again: do not repeat it.",
    1011: "A fault of the daemon.",
    1013: "Took nothing for too long. Nothing is lost: come back and go on.",
    4001: "No token, an invalid one, or the login session is over.",
}
"""What the daemon closes a conversation with."""

_REPLIES: dict[type[msgspec.Struct], type[msgspec.Struct]] = {
    frames.Fetch: frames.FetchResponse,
    frames.SendMessage: frames.Ack,
}
_CONVERSATION = "#/channels/conversation"
_Frame = type[msgspec.Struct]


def asyncapi(limits: LimitSettings, public_url: str = "") -> JSON:
    """The document, with the limits that are in force.

    Arguments:
        public_url: where clients find the daemon; "" if that is not known.
    """
    received: tuple[_Frame, ...] = get_args(frames.ClientFrame)
    sent: tuple[_Frame, ...] = get_args(frames.ServerFrame)
    components = schemas(received, (*sent, frames.MessageView), limits)
    names = [_name(frame) for frame in (*received, *sent)]
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
        "channels": {"conversation": _channel(names)},
        "operations": {_name(frame): _operation(frame, "receive") for frame in received}
        | {_name(frame): _operation(frame, "send") for frame in sent},
        "components": {
            "schemas": components,
            "messages": {_name(frame): _message(frame, components) for frame in (*received, *sent)},
            "securitySchemes": {
                "query": {
                    "type": "httpApiKey",
                    "in": "query",
                    "name": "token",
                    "description": "The access token in the address, where logs may keep it.",
                },
                "ticket": {
                    "type": "httpApiKey",
                    "in": "query",
                    "name": "ticket",
                    "description": "What POST /ws/ticket gives, good once: for browsers, which can send no header.",
                },
                "header": {"type": "http", "scheme": "bearer", "description": "The access token, which no log keeps."},
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
            "variables": {"host": {"default": "127.0.0.1:8000", "description": "Where the daemon is reached."}},
        }
        for name, protocol, description in (
            ("plain", "ws", "Without encryption: the same machine only."),
            ("encrypted", "wss", "By TLS, the daemon's own or a reverse proxy's."),
        )
    }


def _channel(names: list[str]) -> JSON:
    return {
        "address": "/ws/chat/{room_id}",
        "description": _CHANNEL,
        "parameters": {"room_id": {"description": "The room's id; one has to be a member."}},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {
            "ws": {
                "method": "GET",
                "query": {"type": "object", "properties": {name: {"type": "string"} for name in ("ticket", "token")}},
                "bindingVersion": "0.1.0",
            }
        },
        "x-close-codes": {str(code): text for code, text in CLOSE_CODES.items()},
    }


def _operation(frame: _Frame, action: str) -> JSON:
    operation: JSON = {
        "action": action,  # of the daemon
        "channel": {"$ref": _CONVERSATION},
        "messages": [_in_channel(frame)],
        "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in ("query", "ticket", "header")],
    }
    if action == "receive":
        answers: list[_Frame] = [*([_REPLIES[frame]] if frame in _REPLIES else []), frames.Error]
        operation["reply"] = {
            "channel": {"$ref": _CONVERSATION},
            "messages": [_in_channel(answer) for answer in answers],
        }
    return operation


def _in_channel(frame: _Frame) -> JSON:
    return {"$ref": f"{_CONVERSATION}/messages/{_name(frame)}"}


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
