"""The tree of errors: as it is drawn, and as the conversation uses its codes."""

import re
from collections.abc import Iterator
from typing import get_args

from reichatd import errors
from reichatd.chat import refusals
from reichatd.chat.frames import ErrorCode, FrameErrorCode, SharedErrorCode
from reichatd.errors import OtherLog, RateLimited, ReichatError, Unauthorized, Unavailable
from reichatd.store import Appended, Changed, ChangeOutcome, Outcome

ROW = re.compile(r"^    ([ │├└─]*)(\w+) +(\d{3}) +(\w+)", re.MULTILINE)


def tree(error: type[ReichatError] = ReichatError, depth: int = 0) -> Iterator[tuple[int, str, int, str]]:
    """Each class below `error`, from the top: its depth, name, status and code."""
    yield depth, error.__name__, error.status, error.code
    for child in error.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from tree(child, depth + 1)


def test_the_tree_is_drawn_as_it_is() -> None:
    drawn = [
        (len(indent) // 4, name, int(status), code) for indent, name, status, code in ROW.findall(errors.__doc__ or "")
    ]
    assert drawn == list(tree())


def test_the_conversation_and_rest_share_some_codes_and_mean_the_same_by_them() -> None:
    codes = {code for *_, code in tree()}
    of_posts = [refusals.of_post(Appended(outcome), 0.0) for outcome in Outcome]
    of_changes = [refusals.of_change(Changed(outcome)) for outcome in ChangeOutcome]
    refused = {error.code for error in (*of_posts, *of_changes) if error is not None}
    assert set(get_args(SharedErrorCode)) == refused | {Unavailable.code, OtherLog.code}
    assert codes.isdisjoint(get_args(FrameErrorCode))
    assert get_args(ErrorCode) == get_args(FrameErrorCode) + get_args(SharedErrorCode)


def test_the_close_codes_are_those_that_are_described() -> None:
    def close_code(error: type[ReichatError]) -> int:
        if error is RateLimited:
            return 1013
        return 4001 if issubclass(error, Unauthorized) else 1011 if error.status >= 500 else 1008

    for _, name, *_ in tree():
        error = getattr(errors, name)
        assert error.close_code == close_code(error), name


def test_no_two_errors_have_one_code() -> None:
    codes = [code for *_, code in tree()]
    assert len(codes) == len(set(codes))
