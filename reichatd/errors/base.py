"""The root of all errors that a client may be shown."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from reichatd.closing import INTERNAL_ERROR


class FieldProblem(NamedTuple):
    """What is wrong with one field of a request, in words for a person."""

    field: str
    problem: str


def in_words(problems: Sequence[FieldProblem]) -> str:
    """All problems in one sentence for a person."""
    return "; ".join(f"{field}: {problem}" for field, problem in problems)


class ReichatError(Exception):
    """An error that may be shown to the client.

    Arguments:
        message: a sentence for a person, in place of the class's own.
        problems: the fields that are wrong, if the error is about fields.
    """

    status: ClassVar[int] = 500
    close_code: ClassVar[int] = INTERNAL_ERROR
    code: ClassVar[str] = "internal_error"
    text: ClassVar[str] = "Internal error"

    def __init__(self, message: str | None = None, problems: Sequence[FieldProblem] = ()) -> None:
        self.message = message or self.text
        self.problems = problems
        super().__init__(self.message)
