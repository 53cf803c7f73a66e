"""`reichatd bench`: what this machine, or a running daemon, carries."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import click
import msgspec
from rich.console import Console
from rich.table import Table

from reichatd.bench.client import ConnectionLost
from reichatd.bench.scenarios import SCENARIOS, Row
from reichatd.bench.target import BenchTarget, TargetError, find, private, running
from reichatd.cli import exit_status
from reichatd.cli.prompts import ask
from reichatd.store import StoreError

_QUICK = 0.1


@click.command()
@click.argument("scenarios", nargs=-1, type=click.Choice([each.name for each in SCENARIOS]))
@click.option("--url", help="A daemon that runs already (http://HOST:PORT), in place of a private one.")
@click.option("--email", help="With --url: the account to use; the password is asked for.")
@click.option("--mongodb", metavar="URI", help="Have the private daemons use this MongoDB, each a database of its own.")
@click.option("--quick", is_flag=True, help="A tenth of the work: seconds instead of a minute or two.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def bench(
    scenarios: tuple[str, ...], url: str | None, email: str | None, mongodb: str | None, quick: bool, as_json: bool
) -> None:
    """Measure what a daemon carries.

    Without --url it starts a private one for each scenario, on SQLite or, with --mongodb, on a MongoDB, in a new database
    that is removed in the end (reichatd_scratch_…; the URI's user must be allowed to make and drop it).
    It logs in and talks as any client does, from processes of its own. On a running daemon its rooms are removed in the end;
    limits.messages_per_second holds there.
    """
    if url and not email:
        raise click.UsageError("--url needs --email")
    chosen = [each for each in SCENARIOS if each.name in scenarios or not scenarios]
    console = Console(stderr=True)
    rows: list[Row] = []
    try:
        if url:
            find(url)  # before a password is typed in vain
        password = ask("Password", hidden=True) if url else ""
        for scenario in chosen:
            if scenario.local and url:
                continue
            with console.status(f"{scenario.name}: {scenario.what}"), _target(url, email, password, mongodb) as target:
                rows.append(scenario.run(target, _QUICK if quick else 1.0))
    except (TargetError, ConnectionLost) as error:
        exit_status.fail(exit_status.STORE_UNAVAILABLE, str(error))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows)).decode())
    else:
        Console().print(_table(rows))
    sys.exit(exit_status.OK if not any(row.lost for row in rows) else 1)


def _target(
    url: str | None, email: str | None, password: str, mongodb: str | None
) -> AbstractContextManager[BenchTarget]:
    """A daemon for one scenario: a private one is new for each, so that none finds what another has left."""
    if url is not None:
        return running(url, email or "", password)
    return private({}) if mongodb is None else _on_mongodb(mongodb)


@contextmanager
def _on_mongodb(uri: str) -> Iterator[BenchTarget]:
    # Here and not in the bench, which is a client and knows nothing of stores.
    from reichatd.store.mongodb import drop_temporary_database, temporary_database

    settings = temporary_database(uri)
    environ = {
        "REICHATD_STORAGE_BACKEND": "mongodb",
        "REICHATD_STORAGE_MONGODB_URI": settings.uri,
        "REICHATD_STORAGE_MONGODB_DATABASE": settings.database,
    }
    try:
        with private(environ) as target:
            yield target
    finally:
        try:
            drop_temporary_database(settings)
        except StoreError as error:
            click.echo(f"reichatd: the database {settings.database} may be left behind: {error}", err=True)


def _table(rows: list[Row]) -> Table:
    table = Table(title="reichatd bench")
    table.add_column("scenario")
    table.add_column("what")
    for name in ("figure", "p50 ms", "p99 ms", "lost"):
        table.add_column(name, justify="right")
    for row in rows:
        figure = f"{row.figure:,.0f}" if row.figure >= 100 else f"{row.figure:,}"
        table.add_row(
            row.scenario,
            row.what,
            f"{figure} {row.unit}",
            f"{row.latency.p50:,}",
            f"{row.latency.p99:,}",
            str(row.lost),
        )
    return table
