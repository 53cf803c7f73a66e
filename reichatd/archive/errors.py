"""Errors of a backup.

BadArchive
├── NotAnArchive   the file is something else
├── Damaged        it is cut off, or a part of it was changed
├── BadRecord      it is undamaged, and has a number that no store can keep, or a log with a gap
└── NewerArchive   a newer reichatd has written it
"""


class BadArchive(Exception):
    """The file cannot be used as a backup. The text is one line, for the operator."""


class NotAnArchive(BadArchive):
    def __init__(self) -> None:
        super().__init__("this is not a backup of reichatd")


class Damaged(BadArchive):
    """It is cut off, or a part of it was changed.

    Arguments:
        chunk: the number of the damaged chunk, counted from 1; all before it are good.
        offset: where that chunk begins in the file, in bytes.
    """

    def __init__(self, chunk: int, offset: int, what: str) -> None:
        self.chunk = chunk
        self.offset = offset
        super().__init__(f"damaged in chunk {chunk}, which begins at byte {offset:,}: {what}")


class BadRecord(BadArchive):
    """The backup has a record that no store can keep. Arguments: record: which one, in words."""

    def __init__(self, record: str, problem: str) -> None:
        super().__init__(f"it holds what cannot be restored: {record}: {problem}")


class NewerArchive(BadArchive):
    def __init__(self, detail: str) -> None:
        super().__init__(f"it was written by a newer reichatd, which must also restore it, or changed since ({detail})")
