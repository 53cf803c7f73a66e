"""Backup files: written under a temporary name and renamed when complete; read from beginning to end. Everything blocks."""

import errno
import fcntl
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, TypeVar

from reichatd.archive.chunks import HEADER_BYTES, BadChunk, Chunks, is_archive
from reichatd.archive.errors import BadRecord, Damaged, NotAnArchive
from reichatd.archive.format import End, Header, count, decode, decode_head, described, encode, encode_head
from reichatd.store.bounds import LogChecker, problem
from reichatd.store.bulk import Stored

T = TypeVar("T")

_SYNC_BYTES = 512 * 1024
"""Bytes between two syncs: one long sync at the end would delay the commits of a daemon on the same disk."""


class BackupWriter:
    """A backup that is being written; made by `writing`. `bytes` and `counts` say what it holds so far."""

    def __init__(self, file: BinaryIO, head: Header) -> None:
        self.bytes = 0
        self.counts: Counter[str] = Counter()
        self._file = file
        self._chunks = Chunks()
        self._synced = 0
        self._put(encode_head(head))

    def add(self, records: Sequence[Stored]) -> None:
        """Adds the next records, as one chunk."""
        self._put(encode(records))
        count(self.counts, records)

    def end(self) -> None:
        self._put(encode([End(dict(self.counts))]))
        self._sync()

    def _put(self, text: bytes) -> None:
        self.bytes += self._file.write(self._chunks.make(text))
        if self.bytes - self._synced >= _SYNC_BYTES:
            self._sync()

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._synced = self.bytes


@contextmanager
def writing(path: Path, head: Header, *, replace: bool) -> Iterator[BackupWriter]:
    """A new backup at `path`, readable by its owner only. It is durable and complete when the block ends without an error.

    Until then it has the name `path` with `.part` appended. A file that a killed writer has left under this name is overwritten.

    Arguments:
        replace: whether an existing file may be replaced.

    Errors: FileExistsError (without `replace`), BlockingIOError (another backup to the same path is running), any OSError.
    """
    _must_be_free(path, replace)
    part = path.with_name(f"{path.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        _lock(file, part)
        try:
            os.fchmod(descriptor, 0o600)
            file.truncate()
            writer = BackupWriter(file, head)
            yield writer
            writer.end()
            _must_be_free(path, replace)
            part.replace(path)
            _sync_directory(path.parent)
        except BaseException:
            # The file may have been renamed already. Otherwise this frees the space, perhaps on a full disk.
            with suppress(OSError):
                part.unlink()
            raise


def _lock(file: BinaryIO, part: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Another backup may have renamed it since it was opened.
        if os.path.samestat(os.fstat(file.fileno()), part.lstat()):
            return
    except (BlockingIOError, FileNotFoundError):
        pass
    raise BlockingIOError(errno.EWOULDBLOCK, "another backup to the same path is running", str(part))


def _must_be_free(path: Path, replace: bool) -> None:
    # A device or a directory is never replaced, even with `replace`.
    if os.path.lexists(path) and not (replace and path.is_file()):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class BackupReader:
    """Reads a backup once, from its beginning to its end.

    `head` is its first line, `bytes` the position in the file. The methods and the constructor raise BadArchive and OSError.
    """

    def __init__(self, file: BufferedReader) -> None:
        self.bytes = 0
        self.counts: Counter[str] = Counter()
        self._file = file
        self._chunks = Chunks()
        self._number = 0
        self._logs = LogChecker()
        if not is_archive(file.peek(HEADER_BYTES)):
            raise NotAnArchive
        self.head = self._next(decode_head)

    def pages(self) -> Iterator[list[Stored]]:
        """The records, chunk by chunk. Each page is verified; only after the last one it is certain that none is missing.

        Each record can be stored: its numbers are within their limits, and logs have no gap.
        """
        while True:
            records: list[Stored] = []
            for line in self._next(partial(decode, head=self.head)):
                if isinstance(line, End):
                    self._check_end(line)
                    return
                if wrong := problem(line) or self._logs.problem(line):
                    raise BadRecord(described(line), wrong)
                records.append(line)
            if records:
                count(self.counts, records)
                yield records

    def _next(self, decoded: Callable[[bytes], T]) -> T:
        self._number += 1
        try:
            header = self._file.read(HEADER_BYTES)
            body = self._file.read(self._chunks.body_length(header))
            value = decoded(self._chunks.read(header, body))
        except BadChunk as error:
            raise Damaged(self._number, self.bytes, str(error)) from None
        self.bytes += len(header) + len(body)
        return value

    def _check_end(self, end: End) -> None:
        if end.counts != self.counts:
            raise Damaged(self._number, self.bytes, f"it counts {end.counts}, and there were {dict(self.counts)}")
        if self._file.read(1):
            raise Damaged(self._number + 1, self.bytes, "it follows the end of the backup")


@contextmanager
def reading(path: Path) -> Iterator[BackupReader]:
    """The backup at `path`. Errors: as `BackupReader`."""
    with path.open("rb") as file:
        yield BackupReader(file)
