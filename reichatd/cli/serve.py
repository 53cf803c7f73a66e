"""`reichatd serve`: runs the daemon in the foreground, for a person or a service manager."""

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
from reichatd.cli.secret import load_secret, place_of_secret
from reichatd.cli.settings_loader import Loaded, config_option, load
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
    """Run the daemon until SIGTERM or Ctrl+C. SIGHUP makes it read its settings again."""
    try:
        loaded = load(config, os.environ)
        secret = load_secret(loaded)
    except SettingsError as error:
        exit_status.fail(exit_status.CONFIGURATION, *map(str, error.problems))
    except OSError as error:
        exit_status.fail(exit_status.CANNOT_CREATE, f"the secret cannot be created: {error}")
    _run(loaded, secret)


def _run(loaded: Loaded, secret: bytes) -> None:
    # Imported here, so that a mistake in the settings is reported without waiting for the import of Quart.
    import faulthandler
    import sys

    import trio

    from reichatd import daemon, logs, stdio
    from reichatd.cli.daemon_configuration import configuration, reread
    from reichatd.store import OtherSecret, StoreError

    settings = loaded.settings
    faulthandler.enable()  # at SIGABRT, with which a watchdog ends the process, it prints a traceback
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
            manager=systemd.take_manager(os.environ),
            # A reload reads the same file again, even if another file would be found now.
            reread=partial(reread, loaded.file, os.environ),
            ready=partial(_say_ready, loaded, listeners, monitors, control_socket),
        )
        try:
            trio.run(run)
        except OtherSecret as error:
            exit_status.fail(exit_status.CONFIGURATION, f"{error}: {_about_other_secret(loaded)}")
        except StoreError as error:
            exit_status.fail(exit_status.STORE_UNAVAILABLE, str(error))


def _closed_by(opened: ExitStack, listeners: "list[Listener]") -> "list[Listener]":
    for listener in listeners:
        opened.callback(listener.close)
    return listeners


def _listeners(loaded: Loaded) -> "list[Listener]":
    """The sockets that a service manager passed, or else those that the settings name."""
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
    """The sockets for the metrics; none if they are off."""
    metrics = loaded.settings.metrics
    return _listen("metrics", (metrics.host,), metrics.port, tls=False) if metrics.enabled else []


def _listen(table: str, hosts: Sequence[str], port: int, **options: Any) -> "list[Listener]":  # noqa: ANN401 - of open_listeners
    from reichatd.gateway import CannotListen, open_listeners

    try:
        return open_listeners(hosts, port, **options)
    except CannotListen as error:
        exit_status.fail(exit_status.CANNOT_LISTEN, f"{table}.host, {table}.port: {error}")


def _refuse_exposed(loaded: Loaded, listeners: "list[Listener]") -> None:
    """Ends the program if a passed socket has an address that the rules for server.host refuse (plain HTTP)."""
    settings = loaded.settings
    for listener in listeners:
        if is_local(listener.host):  # also an abstract Unix socket, for which server.host has no form
            continue
        server = msgspec.structs.replace(settings.server, host=listener.host)
        problems = broken_rules(msgspec.structs.replace(settings, server=server))
        lines = [f"a socket that was passed: {problem}" for problem in problems if problem.key == "server.host"]
        if lines:
            exit_status.fail(exit_status.CONFIGURATION, *lines)


def _control_socket(loaded: Loaded) -> "UnixSocket | None":
    """The control socket. None if there is none, or if the default path cannot be used: the daemon runs without it too."""
    from reichatd.control import open_socket
    from reichatd.unixsocket import Occupied

    path = loaded.paths.control_socket
    try:
        return open_socket(path) if path else None
    except Occupied:
        text = "another daemon listens here; stop it, or set another storage.path (and control_socket) for this one"
        exit_status.fail(exit_status.CANNOT_LISTEN, f"server.control_socket: {path}: {text}")
    except OSError as error:
        if loaded.settings.server.control_socket == "auto":
            return None
        exit_status.fail(exit_status.CANNOT_CREATE, f"server.control_socket: {path}: {error.strerror}")


def _about_other_secret(loaded: Loaded) -> str:
    """What to do about it, in words."""
    return (
        f"put that of the other daemons, or of the last start, into {place_of_secret(loaded)}. "
        "If it is lost or has to be replaced: reichatd secret accept (all users then have to log in again)"
    )


def _say_ready(
    loaded: Loaded,
    listeners: "list[Listener]",
    monitors: "list[Listener]",
    control_socket: "UnixSocket | None",
    invitation: str,
) -> None:
    """Says where the daemon listens, and what else a person should know.

    Arguments:
        invitation: the URL of an invitation for the first account; "" if none is needed.
    """
    settings = loaded.settings
    lines = [
        f"reichatd {__version__} listens on {' and '.join(listener.url for listener in listeners)}",
        f"  data      {backend_for(settings.storage, loaded.paths.data_file).description}",
        f"  settings  {loaded.file or 'the defaults (no file found)'}{_from_environment(loaded)}",
        *(f"  metrics   {listener.url}/metrics" for listener in monitors),
    ]
    if settings.mail.backend == "console":
        lines.append("  mail      not sent: verification codes are printed here")
    if loaded.paths.control_socket is not None and control_socket is None:
        lines.append(f"  control   no control socket: {loaded.paths.control_socket} cannot be created")
    if invitation:
        lines.append(f"  invite    for the first account, once: {invitation}")
    click.echo("\n".join(lines))  # at once, for programs that wait for the first line


def _from_environment(loaded: Loaded) -> str:
    count = sum(source.startswith("environment") for source in loaded.sources.values())
    return f", {count} from the environment" if count else ""
