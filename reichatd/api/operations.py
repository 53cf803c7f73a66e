"""Descriptions of calls, written beside their handlers: the OpenAPI document is made from them."""

import inspect
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

import msgspec

from reichatd.api.types import Answer, Refusal
from reichatd.errors import ReichatError
from reichatd.rights import Scope

Handler = TypeVar("Handler", bound=Callable[..., Any])


class Token(Enum):
    """Which bearer token a call takes."""

    NONE = "none"
    ACCESS = "access"
    REFRESH = "refresh"
    EITHER = "either"
    OPERATOR = "operator"
    """Not a user's token: a proof that the caller has the daemon's secret."""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One call of the REST interface.

    Arguments:
        gives: the type of the answer on success, or its media type if it is not JSON of this interface.
        status: the HTTP status on success.
        takes: the type of the body; None without a body.
        query: the type of the query parameters; None without any.
        headers: the headers that the call reads, beside those of every call: what each of them says.
        body_may_be_absent: an absent body counts as an empty object.
        token: the token that the call needs.
        scope: what a token for programs needs for this call; None if no such token may make it.
        refuses: the errors of this call, in addition to those of every call of this kind.
        otherwise: other types of answers, by status; their docstrings say when.
        summary: one line for a person.
        description: further text.
    """

    gives: type[Answer] | str
    status: int
    takes: type[msgspec.Struct] | None
    query: type[msgspec.Struct] | None
    headers: dict[str, str]
    body_may_be_absent: bool
    token: Token
    scope: Scope | None
    refuses: tuple[type[ReichatError], ...]
    otherwise: dict[int, type[Answer | Refusal]]
    summary: str
    description: str


def operation(
    gives: type[Answer] | str = Answer,
    status: int = 200,
    *,
    takes: type[msgspec.Struct] | None = None,
    query: type[msgspec.Struct] | None = None,
    headers: dict[str, str] | None = None,
    body_may_be_absent: bool = False,
    token: Token = Token.ACCESS,
    scope: Scope | None = None,
    refuses: tuple[type[ReichatError], ...] = (),
    otherwise: dict[int, type[Answer | Refusal]] | None = None,
) -> Callable[[Handler], Handler]:
    """Describes a handler for the contract; the arguments are those of `Operation`, the texts come from its docstring."""

    def describe(handler: Handler) -> Handler:
        summary, _, description = (inspect.getdoc(handler) or "").partition("\n\n")
        handler.operation = Operation(  # type: ignore[attr-defined]
            gives=gives,
            status=status,
            takes=takes,
            query=query,
            headers=headers or {},
            body_may_be_absent=body_may_be_absent,
            token=token,
            scope=scope,
            refuses=refuses,
            otherwise=otherwise or {},
            summary=" ".join(summary.split()).removesuffix("."),
            description=description.strip(),
        )
        return handler

    return describe


def operation_of(handler: Callable[..., Any]) -> Operation | None:
    """Returns the description of a handler; None if it has none."""
    found: Operation | None = getattr(handler, "operation", None)
    return found
