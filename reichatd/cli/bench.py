"""`reichatd bench`: what this machine, or a running daemon, carries."""

import sys
from contextlib import AbstractContextManager

import click
import msgspec
from rich.console import Console
from rich.table import Table

from reichatd.bench.client import Refused
from reichatd.bench.scenarios import SCENARIOS, Row
from reichatd.bench.target import Target, TargetError, private, running
from reichatd.cli import exits

_QUICK = 0.1


@click.command()
@click.argument("scenarios", nargs=-1, type=click.Choice([each.name for each in SCENARIOS]))
@click.option("--url", help="A daemon that runs already (http://HOST:PORT), in place of a private one.")
@click.option("--email", help="With --url: the account to use; the password is asked for.")
@click.option("--mongodb", metavar="URI", help="Have the private daemon use this MongoDB (database reichatd_bench).")
@click.option("--quick", is_flag=True, help="A tenth of the work: seconds instead of a minute or two.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def bench(
    scenarios: tuple[str, ...], url: str | None, email: str | None, mongodb: str | None, quick: bool, as_json: bool
) -> None:
    """Measure what a daemon carries.

    Without --url it starts a private one for each scenario, on SQLite or, with --mongodb, on a MongoDB.
    It logs in and talks as any client does, from processes of its own. On a running daemon its rooms are removed in the end;
    limits.messages_per_second holds there.
    """
    if url and not email:
        raise click.UsageError("--url needs --email")
    chosen = [each for each in SCENARIOS if each.name in scenarios or not scenarios]
    console = Console(stderr=True)
    rows: list[Row] = []
    try:
        password = click.prompt("Password", hide_input=True, err=True) if url else ""
        for scenario in chosen:
            if scenario.local and url:
                continue
            with console.status(f"{scenario.name}: {scenario.what}"), _target(url, email, password, mongodb) as target:
                rows.append(scenario.run(target, _QUICK if quick else 1.0))
    except (TargetError, Refused) as error:
        exits.fail(exits.STORE_UNAVAILABLE, str(error))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows)).decode())
    else:
        Console().print(_table(rows))
    sys.exit(exits.OK if not any(row.lost for row in rows) else 1)


def _target(url: str | None, email: str | None, password: str, mongodb: str | None) -> AbstractContextManager[Target]:
    """A daemon for one scenario: a private one is new for each, so that none finds what another has left."""
    if url is not None:
        return running(url, email or "", password)
    environ = {}
    if mongodb is not None:
        environ = {
            "REICHATD_STORAGE_BACKEND": "mongodb",
            "REICHATD_STORAGE_MONGODB_URI": mongodb,
            "REICHATD_STORAGE_MONGODB_DATABASE": "reichatd_bench",
        }
    return private(environ)


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
