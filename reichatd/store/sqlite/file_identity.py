"""Whether the open files are still the ones under their names.

SQLite goes on in a file that was removed, moved away or replaced: it writes, syncs and reads, and at the next start all of that is
gone (sqlite.org/howtocorrupt.html, 1.3 and 1.4). The same holds for the write-ahead log and its index.
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
"""Device and inode: what a name stands for. An inode number is not given to another file while the first is open."""

_RESCUE = (
    "the data may exist only as long as this process: see reichatd(8), or `reichatd help operation`, before you stop it"
)

_TICK_NS = 1_000_000_000
"""Far more than the steps in which any file system dates changes."""

log = structlog.get_logger()


def identity(path: Path) -> Identity:
    """What the name stands for now. Errors: OSError."""
    status = path.stat()
    return status.st_dev, status.st_ino


class FileIdentity:
    """Remembers what the names of open files stand for. Any thread may ask.

    What differs once counts until the store is opened again, even if the file comes back: another program may have opened it
    under its other name, with another write-ahead log, and nothing tells whether it did.

    Arguments:
        paths: of the files, which are open. Errors: OSError.
    """

    def __init__(self, paths: Collection[Path]) -> None:
        self._known = {path: identity(path) for path in paths}
        self._directories = sorted({os.fspath(path.parent) for path in paths})
        self._quiet: list[tuple[int, int, int]] | None = None
        self._lock = threading.Lock()
        self._fault = ""

    def check(self) -> None:
        """Compares; some microseconds.

        Nothing in a directory has got or lost its name as long as the directory is not changed. So one call of the system is
        enough for all files nearly always, which matters: each one lets go of the interpreter's lock.

        Raises:
            StoreReplaced: a name stands for another file, or for none, or did so before.
            StoreUnavailable: the system does not say.
        """
        self.recall()
        now = time.time_ns()
        directories = [self._state_of(name) for name in self._directories]
        if directories == self._quiet:
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
        # A further change within a tick of the file system's clock would not be seen.
        self._quiet = directories if all(changed + _TICK_NS < now for *_, changed in directories) else None

    def recall(self) -> None:
        """Raises StoreReplaced if `check` has found a difference before; does not look."""
        if self._fault:
            raise StoreReplaced(self._fault)

    def is_foreign(self, path: Path) -> bool:
        """Whether the name of one of the files stands for another file now."""
        return self._found(path) not in (self._known[path], None)

    def is_missing(self, path: Path) -> bool:
        """Whether the name of one of the files stands for another file now, or for none."""
        return self._found(path) != self._known[path]

    def _state_of(self, directory: str) -> tuple[int, int, int]:
        try:
            status = os.stat(directory)
        except OSError:
            return 0, 0, time.time_ns()  # the look at the files says why
        return status.st_dev, status.st_ino, status.st_mtime_ns

    def _found(self, path: Path) -> Identity | None:
        try:
            return identity(path)
        except OSError:
            return None

    def _lose(self, path: Path, how: str) -> NoReturn:
        with self._lock:
            if not self._fault:
                self._fault = f"{path} was {how} while it was open: nothing more is stored until the next start"
                log.error("store file removed or replaced", path=str(path), how=how, remedy=_RESCUE)
        raise StoreReplaced(self._fault)
