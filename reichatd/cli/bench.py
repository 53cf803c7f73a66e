"""`reichatd bench`: measures the performance of a daemon."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import click
from rich.console import Console

from reichatd.bench import siege
from reichatd.bench.client import ConnectionLost
from reichatd.bench.scenarios import SCENARIOS, Row
from reichatd.bench.target import BenchTarget, PrivateTarget, TargetError, find, private, running
from reichatd.cli import exit_status
from reichatd.cli.output import json_option, print_json, print_rows
from reichatd.cli.prompts import ask
from reichatd.store import StoreError

_QUICK = 0.1


@click.command()
@click.argument("scenarios", nargs=-1, type=click.Choice([*(each.name for each in SCENARIOS), siege.NAME]))
@click.option("--url", help="Measure this running daemon (http://HOST:PORT), not a private one.")
@click.option("--email", help="With --url: the account to use. Its password is asked for.")
@click.option("--mongodb", metavar="URI", help="Let the private daemons use this MongoDB, each with its own database.")
@click.option("--quick", is_flag=True, help="Do a tenth of the work: seconds instead of a minute or two.")
@json_option
def bench(
    scenarios: tuple[str, ...], url: str | None, email: str | None, mongodb: str | None, quick: bool, as_json: bool
) -> None:
    """Measure the performance of a daemon.

    Without --url, each scenario starts a private daemon on SQLite. With --mongodb, that daemon uses a new database
    (reichatd_scratch_…), which is dropped at the end; the user in the URI must be allowed to create and drop it.
    The bench uses the public interface, as other clients do, from separate processes. On a running daemon it deletes its rooms at
    the end, and all limits on clients apply: its thousands of sockets in hundreds of rooms are those of one user at one address.

    The scenario siege runs only if it is named. It attacks its private daemon, which has the default limits, and shows what honest
    users feel; it takes a minute.
    """
    if url and siege.NAME in scenarios:
        raise click.UsageError("siege attacks a daemon, so it only runs against its private one: leave out --url")
    if url and not email:
        raise click.UsageError("--url needs --email")
    chosen = [each for each in SCENARIOS if each.name in scenarios or not scenarios]
    console = Console(stderr=True)
    scale = _QUICK if quick else 1.0
    rows: list[Row] = []
    try:
        if url:
            find(url)  # before a person types a password that no daemon gets
        password = ask("Password", hidden=True) if url else ""
        for scenario in chosen:
            if scenario.local and url:
                continue
            with console.status(f"{scenario.name}: {scenario.what}"), _target(url, email, password, mongodb) as target:
                rows.append(scenario.run(target, scale))
        if siege.NAME in scenarios:
            with console.status(f"{siege.NAME}: {siege.WHAT}"), _private(mongodb, limited=True) as besieged:
                rows += siege.run(besieged, scale)
    except (TargetError, ConnectionLost) as error:
        exit_status.fail(exit_status.STORE_UNAVAILABLE, str(error))
    if as_json:
        print_json(rows)
    else:
        _print(rows)
    sys.exit(exit_status.OK if not any(row.lost for row in rows) else 1)


def _target(
    url: str | None, email: str | None, password: str, mongodb: str | None
) -> AbstractContextManager[BenchTarget]:
    """The daemon for one scenario. Each scenario gets a new private daemon, without the data of an earlier one."""
    if url is not None:
        return running(url, email or "", password)
    return _private(mongodb)


def _private(mongodb: str | None, *, limited: bool = False) -> AbstractContextManager[PrivateTarget]:
    return private({}, limited=limited) if mongodb is None else _on_mongodb(mongodb, limited=limited)


@contextmanager
def _on_mongodb(uri: str, *, limited: bool) -> Iterator[PrivateTarget]:
    # This is not in reichatd.bench, which is a client and must not import the store.
    from reichatd.store.mongodb import drop_temporary_database, temporary_database

    settings = temporary_database(uri)
    environ = {
        "REICHATD_STORAGE_BACKEND": "mongodb",
        "REICHATD_STORAGE_MONGODB_URI": settings.uri,
        "REICHATD_STORAGE_MONGODB_DATABASE": settings.database,
    }
    try:
        with private(environ, limited=limited) as target:
            yield target
    finally:
        try:
            drop_temporary_database(settings)
        except StoreError as error:
            click.echo(f"reichatd: the database {settings.database} may be left behind: {error}", err=True)


def _print(rows: list[Row]) -> None:
    numbers = ("figure", "p50 ms", "p99 ms", "lost")
    print_rows(("scenario", "what", *numbers), map(_cells, rows), right=numbers)


def _cells(row: Row) -> tuple[object, ...]:
    figure = f"{row.figure:,.0f}" if row.figure >= 100 else f"{row.figure:,}"
    latency = row.latency
    return row.scenario, row.what, f"{figure} {row.unit}", f"{latency.p50:,}", f"{latency.p99:,}", row.lost
