"""Pages of messages: their texts are bounded together, since one text may be a thousand times as long as another. Pure."""

from collections.abc import Callable, Iterable
from itertools import accumulate
from operator import attrgetter
from typing import TypeVar

from reichatd.store.records import Message

_Row = TypeVar("_Row")


def cut(
    messages: Iterable[_Row], max_chars: int | None, content: Callable[[_Row], str] = attrgetter("content")
) -> list[_Row]:
    """The first messages: up to the one with which their texts have `max_chars` characters together; all, without `max_chars`.

    Arguments:
        messages: read no further than needed.
        content: the text of one.
    """
    if max_chars is None:
        return list(messages)
    page, chars = [], 0
    for message in messages:
        page.append(message)
        chars += len(content(message))
        if chars >= max_chars:
            break
    return page


def is_cut(messages: Iterable[Message], max_chars: int) -> bool:
    """Whether there may be more messages after a page that was read with `max_chars`."""
    return any(chars >= max_chars for chars in accumulate(len(message.content) for message in messages))
