"""`reichatd serve`: the daemon in the foreground, as a person or a service manager starts it."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from reichatd import __version__, systemd
from reichatd.cli import exit_status
from reichatd.cli.settings import Loaded, config_option, load, load_secret
from reichatd.hosts import is_local
from reichatd.settings import SettingsError
from reichatd.settings.rules import broken_rules
from reichatd.store.backends import backend_for

if TYPE_CHECKING:
    from reichatd.gateway import Listener
    from reichatd.unixsocket import UnixSocket


@click.command()
@config_option
def serve(config: Path | None) -> None:
    """Run the daemon until it is told to stop (SIGTERM, or Ctrl+C). SIGHUP has the settings read again."""
    manager = systemd.take_manager(os.environ)
    try:
        loaded = load(config, os.environ)
        secret = load_secret(loaded)
    except SettingsError as error:
        exit_status.fail(exit_status.CONFIGURATION, *map(str, error.problems))
    except OSError as error:
        exit_status.fail(exit_status.CANNOT_CREATE, f"the secret cannot be made: {error}")
    # Imported here: nobody with a typing error in a file should wait for Quart first.
    import faulthandler
    import sys

    import trio

    from reichatd import daemon, logs, stdio
    from reichatd.cli.configuration import configuration, reread
    from reichatd.store import StoreError

    settings = loaded.settings
    faulthandler.enable()  # a watchdog ends us by SIGABRT: then it says where we were
    stdio.queue_standard_streams(settings.log.queue_lines)
    logs.configure(settings.log, sys.stderr)
    try:
        at_first = configuration(loaded)
    except SettingsError as error:
        exit_status.fail(exit_status.UNREADABLE, *map(str, error.problems))
    with ExitStack() as opened:
        listeners = _closed_by(opened, _listeners(loaded))
        monitors = _closed_by(opened, _monitors(loaded))
        control_socket = _control_socket(loaded)
        if control_socket is not None:
            opened.callback(control_socket.close)
        run = partial(
            daemon.run,
            at_first,
            data_file=loaded.paths.data_file,
            secret=secret,
            listeners=listeners,
            monitors=monitors,
            control_socket=control_socket,
            manager=manager,
            # The same file again, if there was one: to pass on to another place, or to none, would not be what was meant.
            reread=partial(reread, loaded.file, os.environ),
            ready=partial(_say_ready, loaded, listeners, monitors, control_socket),
        )
        try:
            trio.run(run)
        except StoreError as error:
            exit_status.fail(exit_status.STORE_UNAVAILABLE, str(error))


def _closed_by(opened: ExitStack, listeners: "list[Listener]") -> "list[Listener]":
    for listener in listeners:
        opened.callback(listener.close)
    return listeners


def _listeners(loaded: Loaded) -> "list[Listener]":
    """The sockets that a service manager has passed, or else those that the settings ask for."""
    from reichatd.gateway import Listener

    server = loaded.settings.server
    try:
        passed = systemd.take_sockets(os.environ)
    except systemd.UnusableSocket as error:
        exit_status.fail(exit_status.CANNOT_LISTEN, f"a socket that was passed cannot be used: {error}")
    if passed:
        listeners = [Listener(each.socket, tls=bool(server.tls_cert)) for each in passed]
        _refuse_exposed(loaded, listeners)
        return listeners
    mode = int(server.unix_mode, 8)
    return _listen("server", server.hosts, server.port, tls=bool(server.tls_cert), unix_mode=mode)


def _monitors(loaded: Loaded) -> "list[Listener]":
    """The sockets for the metrics; none where they are off."""
    metrics = loaded.settings.metrics
    return _listen("metrics", (metrics.host,), metrics.port, tls=False) if metrics.enabled else []


def _listen(table: str, hosts: Sequence[str], port: int, **options: Any) -> "list[Listener]":  # noqa: ANN401 - of open_listeners
    from reichatd.gateway import CannotListen, open_listeners

    try:
        return open_listeners(hosts, port, **options)
    except CannotListen as error:
        exit_status.fail(exit_status.CANNOT_LISTEN, f"{table}.host, {table}.port: {error}")


def _refuse_exposed(loaded: Loaded, listeners: "list[Listener]") -> None:
    """What server.host may not be, for plain HTTP, a socket that comes in its place may not be either."""
    settings = loaded.settings
    for listener in listeners:
        if is_local(listener.host):  # also what server.host cannot spell: an abstract Unix socket
            continue
        server = msgspec.structs.replace(settings.server, host=listener.host)
        problems = broken_rules(msgspec.structs.replace(settings, server=server))
        lines = [f"a socket that was passed: {problem}" for problem in problems if problem.key == "server.host"]
        if lines:
            exit_status.fail(exit_status.CONFIGURATION, *lines)


def _control_socket(loaded: Loaded) -> "UnixSocket | None":
    """Also None if its default place is not to be had: a daemon without it serves as well."""
    from reichatd.control import open_socket
    from reichatd.unixsocket import Occupied

    path = loaded.paths.control_socket
    try:
        return open_socket(path) if path else None
    except Occupied:
        text = "another daemon listens here; set another path, or an empty one for none"
        exit_status.fail(exit_status.CANNOT_LISTEN, f"server.control_socket: {path}: {text}")
    except OSError as error:
        if loaded.settings.server.control_socket == "auto":
            return None
        exit_status.fail(exit_status.CANNOT_CREATE, f"server.control_socket: {path}: {error.strerror}")


def _say_ready(
    loaded: Loaded,
    listeners: "list[Listener]",
    monitors: "list[Listener]",
    control_socket: "UnixSocket | None",
) -> None:
    settings = loaded.settings
    click.echo(f"reichatd {__version__} listens on {' and '.join(listener.url for listener in listeners)}")
    click.echo(f"  data      {backend_for(settings.storage, loaded.paths.data_file).description}")
    click.echo(f"  settings  {loaded.file or 'the defaults (no file found)'}{_from_environment(loaded)}")
    for listener in monitors:
        click.echo(f"  metrics   {listener.url}/metrics")
    if settings.mail.backend == "console":
        click.echo("  mail      none is sent: verification codes are printed here")
    if loaded.paths.control_socket is not None and control_socket is None:
        click.echo(f"  control   no control socket: {loaded.paths.control_socket} cannot be made")


def _from_environment(loaded: Loaded) -> str:
    count = sum(source.startswith("environment") for source in loaded.sources.values())
    return f", {count} from the environment" if count else ""
