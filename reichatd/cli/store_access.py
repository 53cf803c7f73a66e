"""Opens the store that the settings name, for commands that work on it directly; and reports what goes wrong with it."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import trio

from reichatd import logs
from reichatd.cli import exit_status
from reichatd.cli.exit_status import Failure
from reichatd.cli.settings_loader import Loaded
from reichatd.store import Store, StoreError, backend_for


@asynccontextmanager
async def opened_store(loaded: Loaded, *, may_create: bool = False) -> AsyncIterator[Store]:
    """Opens the store, and closes it at the end, also when cancelled. Log lines go to standard error.

    Arguments:
        may_create: whether to create a data file that does not exist. To most commands a missing file means a wrong path, or
            the wrong user; a new, empty store would hide that.

    Raises:
        Failure: the data file does not exist, or this user may not read it.
        StoreError
    """
    logs.configure(loaded.settings.log, sys.stderr)
    backend = backend_for(loaded.settings.storage, loaded.paths.data_file)
    if backend.file and not may_create:
        _require_file(backend.file)
    store = await backend.open()
    try:
        yield store
    finally:
        with trio.CancelScope(shield=True):
            await store.aclose()


@contextmanager
def store_errors_reported(when_interrupted: str) -> Iterator[None]:
    """Ends the program with a line and an exit status if the work on the store fails, or is interrupted with Ctrl+C.

    Arguments:
        when_interrupted: the line for Ctrl+C.
    """
    try:
        yield
    except Failure as failure:
        exit_status.fail(*failure.args)
    except StoreError as error:
        exit_status.fail(exit_status.STORE_UNAVAILABLE, str(error))
    except KeyboardInterrupt:
        exit_status.fail(exit_status.INTERRUPTED, when_interrupted)


def no_access(path: Path) -> Failure:
    """The failure where the permissions of a file keep this user out."""
    return Failure(
        exit_status.NOT_PERMITTED, f"this user may not use {path}: run the command as root, or as the daemon's user"
    )


def _require_file(data_file: Path) -> None:
    try:
        data_file.stat()
    except PermissionError:
        raise no_access(data_file) from None
    except OSError:
        text = f"there is no store at {data_file}; if the daemon has other settings, or another user, name its file: --config"
        raise Failure(exit_status.UNREADABLE, text) from None
