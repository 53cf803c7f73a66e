"""How a command has its work done: by the running daemon if one answers, else on the store itself."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import trio

from reichatd import control, logs
from reichatd.accounts import Passwords
from reichatd.administration import Administration, Conclusion, Record, Request
from reichatd.administration.records import Done, Failed, Progress, RequestRefused
from reichatd.cli import exit_status
from reichatd.cli.progress import ProgressBar
from reichatd.cli.settings import Loaded, load_or_fail
from reichatd.live import NoLiveConnections
from reichatd.rooms import Rooms
from reichatd.settings import LiveSettings
from reichatd.settings.keys import printable
from reichatd.store import StoreError, backend_for

R = TypeVar("R", bound=Record)

GONE = "the daemon went away in the middle, or is of another version; give the command again"

_STATUSES = {404: exit_status.NOT_FOUND, 503: exit_status.TRY_AGAIN}


def collect(
    config: Path | None, request: Request, kind: type[R] | tuple[type[R], ...], *, may_create: bool = False
) -> list[R]:
    """The records of this kind, or these kinds, that the work gives. Ends the program if it is not done.

    Arguments:
        config: the settings file, None for the one that is found.
        may_create: whether the store may be made if it is not there yet.
    """
    records: list[R] = []

    def take(record: Record) -> None:
        if isinstance(record, kind):
            records.append(record)

    perform(config, request, take, may_create=may_create)
    return records


def perform(config: Path | None, request: Request, take: Callable[[Record], None], *, may_create: bool = False) -> None:
    """Has it done, and shows how far it is. Ends the program if it is not done.

    Arguments:
        take: is given each record; the work stops at an OSError from it, which is passed on.
        may_create: as in `collect`.
    """
    _check_text(request)
    loaded = load_or_fail(config)
    work = _Work(loaded, request, take, may_create=may_create)
    trio.run(work.run)
    if work.broken is not None:
        raise work.broken
    if work.signal:
        exit_status.fail(
            exit_status.SIGNALLED + work.signal, "interrupted; given again, the command finishes what it began"
        )
    if work.unable is not None:
        exit_status.fail(*work.unable)
    match work.conclusion:
        case RequestRefused(status, _, message):
            exit_status.fail(_STATUSES.get(status, exit_status.REFUSED), printable(message))
        case Failed(message):
            exit_status.fail(exit_status.STORE_UNAVAILABLE, printable(message))


def _check_text(request: Request) -> None:
    """Arguments of a command may have bytes that are no text, which Python hides in lone surrogates."""
    try:
        msgspec.json.encode(request)
    except UnicodeEncodeError:
        exit_status.fail(exit_status.REFUSED, "what is asked for is not UTF-8")


class _Unable(Exception):
    """Nothing can be asked for. Arguments: the exit status, and the reason for a person."""


class _Work:
    """One request, until it is concluded, interrupted, or nobody takes its records."""

    def __init__(self, loaded: Loaded, request: Request, take: Callable[[Record], None], *, may_create: bool) -> None:
        self.conclusion: Conclusion = Done()
        self.signal = 0
        self.unable: tuple[int, str] | None = None
        self.broken: OSError | None = None
        self._loaded = loaded
        self._request = request
        self._take = take
        self._may_create = may_create
        self._bar = ProgressBar()
        self._scope = trio.CancelScope()

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            self._scope = nursery.cancel_scope
            await nursery.start(self._watch_signals)
            with self._bar:
                try:
                    self.conclusion = await self._perform()
                except _Unable as error:
                    self.unable = error.args
                except StoreError as error:
                    self.conclusion = Failed(str(error))
            nursery.cancel_scope.cancel()

    async def _perform(self) -> Conclusion:
        path = self._loaded.paths.control_socket
        if path is not None:
            try:
                return await control.ask(path, self._request, self._emit)
            except control.NoDaemon:
                pass
            except control.NotPermitted:
                raise _Unable(exit_status.NOT_PERMITTED, closed(path)) from None
            except control.DaemonGone:
                raise _Unable(exit_status.TRY_AGAIN, GONE) from None
        return await self._directly()

    async def _directly(self) -> Conclusion:
        settings, data_file = self._loaded.settings, self._loaded.paths.data_file
        logs.configure(settings.log, sys.stderr)
        backend = backend_for(settings.storage, data_file)
        if backend.file and not self._may_create:
            _check_exists(backend.file)
        store = await backend.open()
        try:
            passwords, in_force, live = Passwords(settings.auth), LiveSettings(settings), NoLiveConnections()
            rooms = Rooms(settings=in_force, store=store, passwords=passwords, live=live)
            administration = Administration(store=store, passwords=passwords, rooms=rooms, settings=in_force, live=live)
            return await administration.perform(self._request, self._emit)
        finally:
            with trio.CancelScope(shield=True):
                await store.aclose()

    async def _emit(self, record: Record) -> None:
        if isinstance(record, Progress):
            self._bar.show(record)
            return
        try:
            self._take(record)
        except OSError as error:
            self.broken = error
            self._scope.cancel()
            await trio.lowlevel.checkpoint()

    async def _watch_signals(self, *, task_status: trio.TaskStatus[None]) -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            task_status.started()
            self.signal = await anext(signals)
            self._scope.cancel()


def _check_exists(data_file: Path) -> None:
    """Raises _Unable if there is no store: one would be made, and empty, for every wrong path and every other user."""
    try:
        data_file.stat()
    except PermissionError:
        raise _Unable(exit_status.NOT_PERMITTED, closed(data_file)) from None
    except OSError:
        text = f"there is no store at {data_file}; if the daemon has other settings, or another user, name its file: --config"
        raise _Unable(exit_status.UNREADABLE, text) from None


def closed(path: Path) -> str:
    """What to say where the file's mode keeps us out."""
    return f"{path} is closed to this user: run this as root, or as the daemon's user"
