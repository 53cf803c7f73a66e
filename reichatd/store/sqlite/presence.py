"""Whether the open files are still the ones under their names.

SQLite goes on in a file that was removed, moved away or replaced: it writes, syncs and reads, and at the next start all of that is
gone (sqlite.org/howtocorrupt.html, 1.3 and 1.4). The same holds for the write-ahead log and its index.
"""

import os
import threading
from collections.abc import Iterable
from pathlib import Path

import structlog

from reichatd.store.errors import StoreReplaced, StoreUnavailable

Identity = tuple[int, int]
"""Device and inode: what a name stands for. An inode number is not given to another file while the first is open."""

_RESCUE = "the data may exist only as long as this process: see the README before you stop it"

log = structlog.get_logger()


def identity(path: Path) -> Identity:
    """What the name stands for now. Errors: OSError."""
    status = path.stat()
    return status.st_dev, status.st_ino


class Presence:
    """Remembers what the names of open files stand for. Any thread may ask.

    What differs once counts until the store is opened again, even if the file comes back: another program may have opened it
    under its other name, with another write-ahead log, and nothing tells whether it did.

    Arguments:
        paths: of the files, which are open. Errors: OSError.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._known = {path: identity(path) for path in paths}
        self._names = [(os.fspath(path), known) for path, known in self._known.items()]
        self._lock = threading.Lock()
        self._fault = ""

    def check(self) -> None:
        """Looks at each name; some microseconds.

        Raises:
            StoreReplaced: one of them stands for another file, or for none, or did so before.
            StoreUnavailable: the system does not say.
        """
        self.recall()
        for name, known in self._names:
            try:
                status = os.stat(name)
            except (FileNotFoundError, NotADirectoryError):
                self._lose(name, "removed")
            except OSError as error:
                raise StoreUnavailable(f"{name}: {error.strerror}") from error
            else:
                if (status.st_dev, status.st_ino) != known:
                    self._lose(name, "replaced by another file")

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

    def _found(self, path: Path) -> Identity | None:
        try:
            return identity(path)
        except OSError:
            return None

    def _lose(self, name: str, how: str) -> None:
        with self._lock:
            if not self._fault:
                self._fault = f"{name} was {how} while it was open: nothing more is stored until the next start"
                log.error("store file removed or replaced", path=name, how=how, remedy=_RESCUE)
        raise StoreReplaced(self._fault)
