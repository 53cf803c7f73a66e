"""What the contract says of a call, written where the call is: the OpenAPI document is made of it."""

import inspect
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

import msgspec

from reichatd.api.types import Refusal, ResponseBody
from reichatd.errors import ReichatError

Handler = TypeVar("Handler", bound=Callable[..., Any])


class Token(Enum):
    """Which bearer token a call takes."""

    NONE = "none"
    ACCESS = "access"
    REFRESH = "refresh"
    EITHER = "either"
    OPERATOR = "operator"
    """None of a user: a proof that one has the daemon's secret."""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One call of the REST interface.

    Arguments:
        gives: the type of the answer to success, or the media type of one that is not of this interface's own form.
        status: the HTTP status of success.
        takes: the type of the body; None if there is none.
        body_may_be_absent: no body at all is as good as an empty object.
        token: what has to be shown.
        refuses: what may be answered beside that which any call of this kind may be answered.
        otherwise: answers of types of their own, by status.
        summary: one line for a person.
        description: what else there is to say.
    """

    gives: type[ResponseBody] | str
    status: int
    takes: type[msgspec.Struct] | None
    body_may_be_absent: bool
    token: Token
    refuses: tuple[type[ReichatError], ...]
    otherwise: dict[int, type[Refusal]]
    summary: str
    description: str


def operation(
    gives: type[ResponseBody] | str = ResponseBody,
    status: int = 200,
    *,
    takes: type[msgspec.Struct] | None = None,
    body_may_be_absent: bool = False,
    token: Token = Token.ACCESS,
    refuses: tuple[type[ReichatError], ...] = (),
    otherwise: dict[int, type[Refusal]] | None = None,
) -> Callable[[Handler], Handler]:
    """Describes a handler for the contract; the arguments are those of `Operation`, the words are its docstring."""

    def describe(handler: Handler) -> Handler:
        summary, _, description = (inspect.getdoc(handler) or "").partition("\n\n")
        handler.operation = Operation(  # type: ignore[attr-defined]
            gives=gives,
            status=status,
            takes=takes,
            body_may_be_absent=body_may_be_absent,
            token=token,
            refuses=refuses,
            otherwise=otherwise or {},
            summary=" ".join(summary.split()).removesuffix("."),
            description=description.strip(),
        )
        return handler

    return describe


def operation_of(handler: Callable[..., Any]) -> Operation | None:
    """The description of a handler; None if it has none."""
    found: Operation | None = getattr(handler, "operation", None)
    return found
