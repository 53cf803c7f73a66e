"""What can be wrong with a backup.

BadArchive
├── NotAnArchive   the file is something else
├── Damaged        it is cut off, or some of it is not what was written
├── BadRecord      it is as it was written, and has a number that no store can keep
└── NewerArchive   it was written by a newer reichatd than this one
"""


class BadArchive(Exception):
    """The file is no backup that can be used. The text is one line, for the operator."""


class NotAnArchive(BadArchive):
    def __init__(self) -> None:
        super().__init__("this is no backup of reichatd")


class Damaged(BadArchive):
    """It is cut off, or some of it is not what was written.

    Arguments:
        chunk: the number of the chunk, from 1 on, that is not as it was written; all before it are.
        offset: where that chunk begins in the file, in bytes.
    """

    def __init__(self, chunk: int, offset: int, what: str) -> None:
        self.chunk = chunk
        self.offset = offset
        super().__init__(f"damaged in chunk {chunk}, which begins at byte {offset:,}: {what}")


class BadRecord(BadArchive):
    """Someone wrote a number that no store can keep. Arguments: record: which one, in words."""

    def __init__(self, record: str, problem: str) -> None:
        super().__init__(f"it holds what cannot be restored: {record}: {problem}")


class NewerArchive(BadArchive):
    def __init__(self, detail: str) -> None:
        super().__init__(f"it was written by a newer reichatd, which must also restore it, or changed since ({detail})")
