"""Reads the token and the body of a request."""

from functools import cache
from typing import Any, NamedTuple, TypeVar, cast

import msgspec
import structlog
from quart import current_app, request

from reichatd.accounts import Identity, device_of
from reichatd.api.operations import operation_of
from reichatd.api.services import accounts, messaging
from reichatd.errors import FieldProblem, Malformed, Unauthorized, in_words
from reichatd.messaging import Caller
from reichatd.rights import UserActor, require_scope

Body = TypeVar("Body", bound=msgspec.Struct)


def bearer_token() -> str:
    """Returns the token of `Authorization: Bearer <token>`.

    Raises: Unauthorized, if there is no such header, or more than one.
    """
    headers = request.headers.getlist("Authorization")
    if len(headers) == 1:
        scheme, _, token = headers[0].partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return token.strip()
    raise Unauthorized


async def caller() -> Identity:
    """Returns the user and session of the access token. From then on the log lines of this request have the user's id.

    Raises: Unauthorized; InsufficientScope, if it is a token for programs that may not make this call (`Operation.scope`).
    """
    identity = await accounts().sessions.authenticate(bearer_token())
    structlog.contextvars.bind_contextvars(user_id=identity.user.user_id)
    # The gateway closes connections without a login first: see reichatd.gateway.admission.
    cast("dict[str, Any]", request.scope).get("reichatd.authenticated", _nothing)()
    operation = operation_of(current_app.view_functions[request.endpoint]) if request.endpoint else None
    require_scope(identity.actor, operation.scope if operation else None, (request.view_args or {}).get("room_id"))
    return identity


def _nothing() -> None: ...


async def actor() -> UserActor:
    """Returns the user of the access token, as use cases take it.

    Raises: as `caller`.
    """
    return msgspec.structs.replace((await caller()).actor, client=client_address())


async def messenger() -> Caller:
    """Returns the user of the access token, as conversations take it.

    Raises: as `caller`.
    """
    seen = messaging().endings
    identity = await caller()
    return Caller(identity, msgspec.structs.replace(identity.actor, client=client_address()), seen)


def client_address() -> str:
    """The address that the request came from, as trusted proxies report it; that of the peer without such proxies."""
    return request.remote_addr or ""


def device() -> str:
    """What the client says of itself, in short; "" if it says nothing."""
    return device_of(request.headers.get("User-Agent", ""))


def query_of(kind: type[Body]) -> Body:
    """Decodes the query as a `kind`. Unknown parameters are ignored; of a repeated one the first counts.

    Raises: Malformed.
    """
    values: dict[str, Any] = {}
    problems: list[FieldProblem] = []
    for field in msgspec.structs.fields(kind):
        text = request.args.get(field.encode_name)
        if text is None:
            continue
        try:
            values[field.name] = msgspec.convert(text, field.type, strict=False)
        except msgspec.ValidationError as error:
            problems.append(FieldProblem(field.encode_name, str(error)))
    if problems:
        raise Malformed(in_words(problems), problems)
    return kind(**values)


async def body_of(kind: type[Body], *, may_be_absent: bool = False) -> Body:
    """Reads the body as a `kind`, whatever its Content-Type; waits for the client to send it.

    Arguments:
        kind: a struct; its fields are decoded one by one, so that all errors are reported together.
        may_be_absent: an absent body counts as `kind()`.

    Raises: Malformed, and Quart's RequestEntityTooLarge and RequestTimeout.
    """
    raw = await request.get_data(cache=False, as_text=False, parse_form_data=False)
    if may_be_absent and not raw:
        return kind()
    return decode(raw, kind)


def decode(raw: bytes, kind: type[Body]) -> Body:
    """Decodes a JSON object as a `kind`.

    Raises: Malformed.
    """
    values, problems = _members(raw)
    fields: dict[str, Any] = {}
    for field in _fields(kind):
        value = values.get(field.name)
        if value is None:
            if field.required:
                problems.append(FieldProblem(field.name, "is missing"))
            continue
        try:
            fields[field.name] = field.decoder.decode(value)
        except msgspec.ValidationError as error:
            problems.append(FieldProblem(field.name, str(error)))
    if problems:
        raise Malformed(in_words(problems), problems)
    return kind(**fields)


class _Name:
    """A name in a JSON object. No two are equal, so that a dictionary keeps repeated names apart."""

    def __init__(self, text: str) -> None:
        self.text = text


class _Field(NamedTuple):
    name: str
    required: bool
    decoder: msgspec.json.Decoder[Any]


_object_decoder = msgspec.json.Decoder(dict[_Name, msgspec.Raw], dec_hook=lambda _, text: _Name(text))


@cache
def _fields(kind: type[msgspec.Struct]) -> list[_Field]:
    return [
        _Field(field.encode_name, field.required, msgspec.json.Decoder(field.type))
        for field in msgspec.structs.fields(kind)
    ]


def _members(raw: bytes) -> tuple[dict[str, msgspec.Raw], list[FieldProblem]]:
    """The members of a JSON object, and a problem for each name that occurs twice: it is ambiguous."""
    try:
        # msgspec does not check the strings that it skips, so UTF-8 is checked here.
        members = _object_decoder.decode(raw.decode())
    except UnicodeDecodeError:
        raise Malformed("The body is not UTF-8") from None
    except (msgspec.DecodeError, RecursionError):
        raise Malformed("The body must be a JSON object") from None
    values: dict[str, msgspec.Raw] = {}
    repeated: dict[str, FieldProblem] = {}
    for name, value in members.items():
        if name.text in values:
            repeated[name.text] = FieldProblem(name.text, "is there twice")
        values[name.text] = value
    return values, list(repeated.values())
