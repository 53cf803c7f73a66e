"""Which messages of a log a program asks for."""

from msgspec import Struct


class Between(Struct, frozen=True):
    """Those of these ids, both included, that exist."""

    first_id: int
    last_id: int


class Before(Struct, frozen=True):
    """The last `limit` messages before an id; None for the end of the log."""

    before_id: int | None
    limit: int


class After(Struct, frozen=True):
    """The first `limit` messages after an id, fewer if they are long.

    Arguments:
        after_change: also up to `limit` messages up to that id that were changed after this number; None for no changes.
    """

    after_id: int
    after_change: int | None
    limit: int


class PageQuery(Struct, frozen=True):
    """A page of a log.

    Arguments:
        log: the log that the program knows (`LogHead.token`); None for any.
        mine: whether it wants to know which reactions are the user's own.
    """

    which: Between | Before | After
    log: str | None = None
    mine: bool = False
