"""Generates the AsyncAPI 3.0 document of the WebSocket from the types of its frames."""

from typing import get_args
from urllib.parse import urlsplit

import msgspec

from reichatd import __version__, closing
from reichatd.chat import frames
from reichatd.contract.schemas import JSON, REF, example, schemas
from reichatd.messaging import MessageView
from reichatd.settings import LimitSettings

_ABOUT = """\
One WebSocket is one member's conversation in one room. Frames are JSON objects in text messages, with a `type`; unknown fields are
ignored. A room is a log: its messages are numbered 1, 2, 3, … without a gap, and clients read the log from some number on.

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
}
_CONVERSATION = "#/channels/conversation"
_Frame = type[msgspec.Struct]


def asyncapi(limits: LimitSettings, public_url: str = "") -> JSON:
    """Generates the document, with the limits in force.

    Arguments:
        public_url: the URL of the daemon for clients; "" if it is not known.
    """
    received: tuple[_Frame, ...] = get_args(frames.ClientFrame)
    sent: tuple[_Frame, ...] = get_args(frames.ServerFrame)
    components = schemas(received, (*sent, MessageView), limits)
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


def _channel(names: list[str]) -> JSON:
    return {
        "address": "/ws/chat/{room_id}",
        "description": _CHANNEL,
        "parameters": {"room_id": {"description": "The room's id; the user must be a member."}},
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
        "action": action,  # seen from the daemon
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
