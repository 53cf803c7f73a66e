"""Performs an administrator's request. A running daemon does the work; without one, this process works on the store itself."""

import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec
import trio

from reichatd import control
from reichatd.accounts import Passwords
from reichatd.accounts.invites import Invites
from reichatd.accounts.keys import Keys
from reichatd.administration import Administration, Conclusion, Record, Request
from reichatd.administration.records import Done, Emit, Failed, Progress, RequestRefused
from reichatd.chat import delete_in_store
from reichatd.cli import exit_status
from reichatd.cli.exit_status import Failure
from reichatd.cli.progress import ProgressBar
from reichatd.cli.secret import load_secret
from reichatd.cli.settings_loader import Loaded, load_or_fail
from reichatd.cli.store_access import no_access, opened_store
from reichatd.live import NoLiveConnections
from reichatd.rate_limits import MemoryCounts, RateLimiter
from reichatd.rooms import Rooms
from reichatd.rooms.invites import RoomInvites
from reichatd.settings import LiveSettings, SettingsError
from reichatd.settings.keys import printable
from reichatd.store import StoreError

R = TypeVar("R", bound=Record)


def collect(
    config: Path | None, request: Request, kind: type[R] | tuple[type[R], ...], *, may_create: bool = False
) -> list[R]:
    """Performs a request, and returns its records of this kind or these kinds. Ends the program if the request fails.

    Arguments:
        config: the settings file; None for the one that is found.
        may_create: as for `opened_store`.
    """
    records: list[R] = []

    def take(record: Record) -> None:
        if isinstance(record, kind):
            records.append(record)

    perform(config, request, take, may_create=may_create)
    return records


def perform(
    config: Path | None,
    request: Request,
    take: Callable[[Record], None],
    *,
    may_create: bool = False,
    until_interrupted: bool = False,
) -> None:
    """Performs a request, and shows its progress. Ends the program if the request fails.

    Arguments:
        config: the settings file; None for the one that is found.
        take: gets each record. An OSError from it stops the work, and is raised from here.
        may_create: as for `opened_store`.
        until_interrupted: whether Ctrl+C is the usual end.
    """
    _check_text(request)
    work = _Work(load_or_fail(config), request, take, may_create=may_create)
    trio.run(work.run)
    if work.take_error is not None:
        raise work.take_error
    if work.signal and not (until_interrupted and work.signal == signal.SIGINT):
        exit_status.fail(
            exit_status.SIGNALLED + work.signal, "interrupted; the same command, given again, finishes the work"
        )
    if work.failure is not None:
        exit_status.fail(*work.failure.args)
    match work.conclusion:
        case RequestRefused(status, _, message):
            exit_status.fail(exit_status.of_refusal(status), printable(message))
        case Failed(message):
            exit_status.fail(exit_status.STORE_UNAVAILABLE, printable(message))


async def ask_daemon(path: Path, request: Request, emit: Emit) -> Conclusion:
    """Has the daemon at this control socket perform a request, and waits for the end.

    Raises:
        control.NoDaemon: no daemon listens there.
        Failure: this user may not use the socket, or the daemon stopped.
    """
    try:
        return await control.ask(path, request, emit)
    except control.NotPermitted:
        raise no_access(path) from None
    except control.DaemonGone:
        text = "the daemon stopped before the command was done, or has another version; run the command again"
        raise Failure(exit_status.TRY_AGAIN, text) from None


def _check_text(request: Request) -> None:
    """Arguments of a command can be bytes that are not UTF-8. Python passes those on as lone surrogates."""
    try:
        msgspec.json.encode(request)
    except UnicodeEncodeError:
        exit_status.fail(exit_status.REFUSED, "the arguments are not UTF-8")


class _Work:
    """One request. `run` ends when the request is concluded, when a signal arrives, or when `take` fails."""

    def __init__(self, loaded: Loaded, request: Request, take: Callable[[Record], None], *, may_create: bool) -> None:
        self.conclusion: Conclusion = Done()
        self.signal = 0
        self.failure: Failure | None = None
        self.take_error: OSError | None = None
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
                except Failure as failure:
                    self.failure = failure
                except StoreError as error:
                    self.conclusion = Failed(str(error))
            nursery.cancel_scope.cancel()

    async def _perform(self) -> Conclusion:
        path = self._loaded.paths.control_socket
        if path is not None:
            try:
                return await ask_daemon(path, self._request, self._emit)
            except control.NoDaemon:
                pass
        return await self._work_on_store()

    async def _work_on_store(self) -> Conclusion:
        settings = self._loaded.settings
        async with opened_store(self._loaded, may_create=self._may_create) as store:
            passwords, in_force, live = Passwords(settings.auth), LiveSettings(settings), NoLiveConnections()
            limiter = RateLimiter(in_force, local=MemoryCounts(), shared=store.counts)
            rooms = Rooms(settings=in_force, store=store, passwords=passwords, limiter=limiter, live=live)
            invites = Invites(settings=in_force, keys=self._keys, store=store, limiter=limiter)
            administration = Administration(
                store=store,
                passwords=passwords,
                rooms=rooms,
                invites=RoomInvites(settings=in_force, store=store, live=live, invites=invites),
                settings=in_force,
                live=live,
                delete_messages=partial(delete_in_store, store, in_force),
            )
            return await administration.perform(self._request, self._emit)

    def _keys(self) -> Keys:
        """The daemon's keys. Only few requests need them, and not everyone who may open the store may read the secret."""
        try:
            return Keys(load_secret(self._loaded))
        except SettingsError as error:
            raise Failure(exit_status.CONFIGURATION, *map(str, error.problems)) from None
        except OSError as error:
            raise Failure(exit_status.CANNOT_CREATE, f"the secret cannot be created: {error}") from None

    async def _emit(self, record: Record) -> None:
        if isinstance(record, Progress):
            self._bar.show(record.what, record.done, record.total)
            return
        try:
            self._take(record)
        except OSError as error:
            self.take_error = error
            self._scope.cancel()
            await trio.lowlevel.checkpoint()

    async def _watch_signals(self, *, task_status: trio.TaskStatus[None]) -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            task_status.started()
            self.signal = await anext(signals)
            self._scope.cancel()
