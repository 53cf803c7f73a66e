"""`reichatd serve`: the daemon in the foreground, as a person or a service manager starts it."""

import os
import ssl
from functools import partial
from pathlib import Path

import click

from reichatd import __version__
from reichatd.cli import exits
from reichatd.cli.settings import Loaded, SettingsError, config_option, load, load_secret
from reichatd.config import Mail, Server


@click.command()
@config_option
def serve(config: Path | None) -> None:
    """Run the daemon until it is told to stop (SIGTERM, or Ctrl+C)."""
    try:
        loaded = load(config, os.environ)
        secret = load_secret(loaded)
    except SettingsError as error:
        exits.fail(exits.CONFIGURATION, *map(str, error.problems))
    except OSError as error:
        exits.fail(exits.CANNOT_CREATE, f"the secret cannot be made: {error}")
    # Imported here: nobody with a typing error in a file should wait for Quart first.
    import sys

    import trio

    from reichatd import daemon, logs
    from reichatd.gateway import open_listeners
    from reichatd.store import StoreError

    settings = loaded.settings
    logs.configure(settings.log, sys.stderr)
    tls, mail_password = _tls(settings.server), _mail_password(settings.mail)
    try:
        listeners = open_listeners(settings.server)
    except OSError as error:
        where = f"{settings.server.host}:{settings.server.port}"
        exits.fail(exits.CANNOT_LISTEN, f"cannot listen on {where}: {error.strerror}")
    ready = partial(_say_ready, loaded, [listener.url for listener in listeners])
    run = partial(
        daemon.run,
        settings,
        data_file=loaded.paths.data_file,
        secret=secret,
        mail_password=mail_password,
        listeners=listeners,
        tls=tls,
        ready=ready,
    )
    try:
        trio.run(run)
    except StoreError as error:
        exits.fail(exits.STORE_UNAVAILABLE, str(error))
    finally:
        for listener in listeners:
            listener.socket.close()


def _say_ready(loaded: Loaded, urls: list[str]) -> None:
    settings = loaded.settings
    if settings.storage.backend == "mongodb":
        data = f"MongoDB, database {settings.storage.mongodb.database}"
    else:
        data = str(loaded.paths.data_file)
    click.echo(f"reichatd {__version__} listens on {' and '.join(urls)}")
    click.echo(f"  data      {data}")
    click.echo(f"  settings  {loaded.file or 'the defaults (no file found)'}{_from_environment(loaded)}")
    if settings.mail.backend == "console":
        click.echo("  mail      none is sent: verification codes are printed here")


def _from_environment(loaded: Loaded) -> str:
    count = sum(source.startswith("environment") for source in loaded.sources.values())
    return f", {count} from the environment" if count else ""


def _tls(server: Server) -> ssl.SSLContext | None:
    if not server.tls_cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])  # over HTTP/2 browsers would want WebSockets of another kind
    try:
        context.load_cert_chain(server.tls_cert, server.tls_key)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or error.reason if isinstance(error, ssl.SSLError) else error.strerror
        exits.fail(exits.UNREADABLE, f"server.tls_cert, server.tls_key: cannot be used: {reason}")
    return context


def _mail_password(mail: Mail) -> str | None:
    if mail.backend == "console" or not mail.password_file:
        return None
    try:
        return Path(mail.password_file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeError) as error:
        exits.fail(exits.UNREADABLE, f"mail.password_file: {mail.password_file}: {error}")
