"""Generates the OpenAPI 3.1 document from the app's routes and the description of each handler."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import NamedTuple

import msgspec
from quart import Quart
from werkzeug.exceptions import RequestEntityTooLarge, RequestTimeout
from werkzeug.routing import Rule

from reichatd import __version__
from reichatd.api.answers import as_refusal
from reichatd.api.operations import Operation, Token, operation_of
from reichatd.api.types import Problem, Refusal
from reichatd.contract.schemas import JSON, REF, example, filled, schemas
from reichatd.errors import (
    InsufficientScope,
    InvalidFields,
    Malformed,
    NotFound,
    ReichatError,
    Unauthorized,
    Unavailable,
)
from reichatd.settings import LimitSettings

_ABOUT = """\
Request and response bodies are JSON. Every response has `message`: "ok" on success, else a sentence for a person. Errors also have
`code`, a stable error code. If fields are invalid, `errors` has one entry for each.

Unknown fields in a body are ignored. A malformed HTTP request is answered with 400 or 431, an unknown path with 404, a method that
the path does not support with 405.

A token for programs (`POST /user/tokens`) takes the place of an access token in the calls that have `x-token-scope`: the scope that
it needs.

The conversation in a room also goes over [the WebSocket](docs/websocket), which costs less in busy rooms. A request to its path
that is no handshake is answered with 426 `upgrade_required`."""

_TAGS = {
    "accounts": "Registration, login and logout.",
    "oidc": "Login by an OpenID provider.",
    "users": "Your own profile, and other users.",
    "own_account": "Your e-mail address, all your data, and the end of your account.",
    "sessions": "Your login sessions.",
    "second_factor": "A second factor of your logins: codes of an authenticator app (TOTP, RFC 6238).",
    "app_passwords": "Passwords for programs that log in for you and know no second factor.",
    "tokens": "Tokens for programs: to use this interface and the WebSocket without a login.",
    "rooms": "Rooms and their members.",
    "messages": "The conversation in a room.",
    "directs": "Direct conversations, and users that you have blocked.",
    "daemon": "The daemon itself.",
}


def _bearer(description: str) -> JSON:
    return {"type": "http", "scheme": "bearer", "description": description}


_SCHEMES = {
    "accessToken": _bearer("The access token of `POST /login` or of a refresh, as Bearer."),
    "refreshToken": _bearer("The refresh token of `POST /login` or `POST /refresh`, as Bearer."),
    "operatorProof": _bearer("A proof of knowing the daemon's secret, made by `reichatd doctor`, as Bearer."),
}
_SECURITY: dict[Token, list[JSON]] = {
    Token.NONE: [],
    Token.ACCESS: [{"accessToken": []}],
    Token.REFRESH: [{"refreshToken": []}],
    Token.EITHER: [{"accessToken": []}, {"refreshToken": []}],
    Token.OPERATOR: [{"operatorProof": []}],
}
_PARAMETERS: JSON = {
    "room_id": {"description": "A room's id.", "example": "lounge"},
    "invite": {"description": "The secret of an invitation.", "example": "dQw4w9WgXcQdQw4w9WgXcQ"},
    "invite_id": {"description": "The id of an invitation.", "example": "65f0c1d2e3a4b5968778695b"},
    "user_id": {"description": "A user's id.", "example": "65f0c1d2e3a4b5968778695a"},
    "session_id": {"description": "A login session's id.", "example": "65f0c1d2e3a4b5968778695a"},
    "message_id": {"description": "A message's id in its room.", "example": "42"},
    "emoji": {"description": "One emoji, percent-encoded in UTF-8.", "example": "👍"},
    "app_password_id": {"description": "The id of an app password.", "example": "65f0c1d2e3a4b5968778695a"},
    "token_id": {"description": "The id of a token.", "example": "65f0c1d2e3a4b5968778695a"},
}
_RETRY_AFTER: JSON = {
    "Retry-After": {"description": "Seconds to wait before the next try.", "schema": {"type": "string"}}
}
_HEADERS: dict[HTTPStatus, JSON] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": {"schema": {"const": "Bearer"}}},
    HTTPStatus.SERVICE_UNAVAILABLE: _RETRY_AFTER,
    HTTPStatus.TOO_MANY_REQUESTS: _RETRY_AFTER,
}
_Kinds = set[type[msgspec.Struct]]
_INVALID_FIELD = Problem("name", "what is wrong with it")


class Call(NamedTuple):
    """One method of a route, and its description."""

    method: str
    rule: Rule
    operation: Operation


def calls(app: Quart) -> Iterator[Call]:
    """All calls of an app that have a description."""
    for rule in app.url_map.iter_rules():
        operation = operation_of(app.view_functions[rule.endpoint])
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            if operation is not None:
                yield Call(method.lower(), rule, operation)


def openapi(app: Quart, limits: LimitSettings, public_url: str = "") -> JSON:
    """Generates the document.

    Arguments:
        app: the app whose calls it describes.
        limits: the limits in force.
        public_url: the URL of the daemon for clients. If it is "", clients take the root of the document's host.
    """
    described = list(calls(app))
    taken: _Kinds = {call.operation.takes for call in described if call.operation.takes}
    given: _Kinds = {call.operation.gives for call in described if not isinstance(call.operation.gives, str)}
    given |= {Refusal}.union(*(call.operation.otherwise.values() for call in described))
    components = schemas(_by_name(taken), _by_name(given), limits)
    paths: dict[str, JSON] = {}
    for call in described:
        paths.setdefault(_path(call.rule), {})[call.method] = _operation(call, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "reichatd: REST",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        },
        "servers": [{"url": public_url.rstrip("/") or "/"}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": filled(dict(sorted(paths.items())), limits),
        "components": {"schemas": components, "securitySchemes": _SCHEMES},
    }


def _by_name(kinds: _Kinds) -> list[type[msgspec.Struct]]:
    return sorted(kinds, key=lambda kind: kind.__name__)


def _path(rule: Rule) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)


def _operation(call: Call, components: JSON) -> JSON:
    operation, rule = call.operation, call.rule
    tag = rule.endpoint.partition(".")[0]
    described: JSON = {
        "operationId": rule.endpoint.replace(".", "_"),
        "tags": [tag if tag in _TAGS else "daemon"],
        "summary": operation.summary,
        "security": _SECURITY[operation.token],
        "responses": _responses(operation, components, in_path=bool(rule.arguments)),
    }
    if operation.description:
        described["description"] = operation.description
    if operation.scope is not None:
        described["x-token-scope"] = operation.scope.value
    parameters: list[JSON] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, **_PARAMETERS[name]}
        for name in re.findall(r"{(\w+)}", _path(rule))
    ]
    if operation.query is not None:
        parameters += _in_query(operation.query)
    for name, text in operation.headers.items():
        parameters.append({"name": name, "in": "header", "description": text, "schema": {"type": "string"}})
    if parameters:
        described["parameters"] = parameters
    if operation.takes is not None:
        described["requestBody"] = {
            "required": not operation.body_may_be_absent,
            "content": {"application/json": _typed(operation.takes, components)},
        }
    return described


def _in_query(kind: type[msgspec.Struct]) -> Iterator[JSON]:
    _, parts = msgspec.json.schema_components((kind,))
    for name, schema in parts[kind.__name__]["properties"].items():
        yield {"name": name, "in": "query", "description": schema.pop("description"), "schema": schema}


def _typed(kind: type[msgspec.Struct], components: JSON) -> JSON:
    schema = {"$ref": REF + kind.__name__}
    return {"schema": schema, "example": example(schema, components)}


def _responses(operation: Operation, components: JSON, *, in_path: bool) -> JSON:
    if isinstance(operation.gives, str):
        is_object = operation.gives == "application/json"
        content: JSON = {operation.gives: {"schema": {"type": "object" if is_object else "string"}}}
    else:
        content = {"application/json": _typed(operation.gives, components)}
    responses: JSON = {str(operation.status): {"description": "Done.", "content": content}}
    refusals: dict[HTTPStatus, list[Refusal]] = {}
    for status, refusal in _refusals(operation, in_path=in_path):
        refusals.setdefault(status, []).append(refusal)
    for status, same in sorted(refusals.items()):
        responses[str(status.value)] = _refused(status, same)
    for other, kind in operation.otherwise.items():
        description = components[kind.__name__]["description"]
        responses[str(other)] = {"description": description, "content": {"application/json": _typed(kind, components)}}
    return responses


def _refusals(operation: Operation, *, in_path: bool) -> Iterator[tuple[HTTPStatus, Refusal]]:
    """All errors that a call may be answered with."""
    kinds: list[type[ReichatError]] = [*operation.refuses, ReichatError, Unavailable]
    if operation.token is not Token.NONE:
        kinds.append(Unauthorized)
    if operation.token is Token.ACCESS:
        kinds.append(InsufficientScope)
    if in_path:
        kinds.append(NotFound)  # an id that contains a slash is another path
    if operation.takes is not None or operation.query is not None:
        kinds.append(Malformed)
    if operation.takes is not None:
        for error in (RequestTimeout(), RequestEntityTooLarge()):
            yield HTTPStatus(error.code), as_refusal(error)
    for kind in kinds:
        problems = [_INVALID_FIELD] if kind in (InvalidFields, Malformed) else []
        yield HTTPStatus(kind.status), Refusal(message=kind.text, code=kind.code, errors=problems)


def _refused(status: HTTPStatus, refusals: list[Refusal]) -> JSON:
    """The response of one status, with all its error codes."""
    codes = {"properties": {"code": {"enum": [refusal.code for refusal in refusals]}}}
    return {
        "description": "; ".join(refusal.message for refusal in refusals) + ".",
        **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
        "content": {
            "application/json": {
                "schema": {"allOf": [{"$ref": f"{REF}Refusal"}, codes]},
                "examples": {refusal.code: {"value": msgspec.to_builtins(refusal)} for refusal in refusals},
            }
        },
    }
