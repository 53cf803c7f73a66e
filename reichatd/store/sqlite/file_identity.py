"""Checks that paths still lead to the files that were opened under them.

SQLite keeps using a file that was removed, moved away or replaced: it writes, syncs and reads, and at the next start all of that is
lost (sqlite.org/howtocorrupt.html, 1.3 and 1.4). The same is true of the write-ahead log and its index.
"""

import os
import threading
import time
from collections.abc import Collection
from pathlib import Path
from typing import NoReturn

import structlog

from reichatd.store.errors import StoreReplaced, StoreUnavailable

Identity = tuple[int, int]
"""Device and inode of a file. An inode number is not reused while the file is open."""

_RESCUE = (
    "the data may exist only as long as this process: see reichatd(8), or `reichatd help operation`, before you stop it"
)

_TICK_NS = 1_000_000_000
"""Far longer than the clock tick of any file system."""

log = structlog.get_logger()


def identity(path: Path) -> Identity:
    """The identity of the file that the path leads to now. Errors: OSError."""
    status = path.stat()
    return status.st_dev, status.st_ino


class FileIdentity:
    """Remembers the identities of open files. Any thread may use it.

    A difference counts until the store is opened again, even if the file comes back: another program may have opened it under
    another name, with another write-ahead log, and there is no way to know.

    Arguments:
        paths: of the files, which are open. Errors: OSError.
    """

    def __init__(self, paths: Collection[Path]) -> None:
        self._known = {path: identity(path) for path in paths}
        self._directories = sorted({os.fspath(path.parent) for path in paths})
        self._unchanged: list[tuple[int, int, int]] | None = None
        """The state of the directories at the last check, if a later change would show."""
        self._lock = threading.Lock()
        self._lost = ""
        """How a file was lost; "" if none was."""

    def check(self) -> None:
        """Compares the files under the paths with the remembered ones; takes some microseconds.

        As long as a directory is not modified, no file in it was added, removed or renamed. So one system call is nearly always
        enough for all files. That matters: each one releases the interpreter's lock.

        Raises:
            StoreReplaced: a path leads to another file, or to none, or did so at an earlier check.
            StoreUnavailable: the system cannot tell.
        """
        self.raise_if_lost()
        now = time.time_ns()
        directories = [self._state_of(name) for name in self._directories]
        if directories == self._unchanged:
            return
        for path, known in self._known.items():
            try:
                found = identity(path)
            except (FileNotFoundError, NotADirectoryError):
                self._lose(path, "removed")
            except OSError as error:
                raise StoreUnavailable(f"{path}: {error.strerror}") from error
            if found != known:
                self._lose(path, "replaced by another file")
        # A further change within the same tick of the file system's clock would not show.
        self._unchanged = directories if all(changed + _TICK_NS < now for *_, changed in directories) else None

    def raise_if_lost(self) -> None:
        """Raises StoreReplaced if an earlier `check` found a difference. Does not check again."""
        if self._lost:
            raise StoreReplaced(self._lost)

    def is_foreign(self, path: Path) -> bool:
        """Whether one of the paths now leads to another file."""
        return self._found(path) not in (self._known[path], None)

    def is_missing(self, path: Path) -> bool:
        """Whether one of the paths now leads to another file, or to none."""
        return self._found(path) != self._known[path]

    def _state_of(self, directory: str) -> tuple[int, int, int]:
        try:
            status = os.stat(directory)
        except OSError:
            return 0, 0, time.time_ns()  # never unchanged: the check of the files says why
        return status.st_dev, status.st_ino, status.st_mtime_ns

    def _found(self, path: Path) -> Identity | None:
        try:
            return identity(path)
        except OSError:
            return None

    def _lose(self, path: Path, how: str) -> NoReturn:
        with self._lock:
            if not self._lost:
                self._lost = f"{path} was {how} while it was open: nothing more is stored until the next start"
                log.error("store file removed or replaced", path=str(path), how=how, remedy=_RESCUE)
        raise StoreReplaced(self._lost)
