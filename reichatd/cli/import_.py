"""`reichatd import`: the way here from other programs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click
import msgspec
import trio

from reichatd.cli import exit_status
from reichatd.cli.progress import things_shown
from reichatd.cli.prompts import first_line
from reichatd.cli.settings import Loaded, config_option, load_or_fail
from reichatd.imports.run import Import, Progress, Report
from reichatd.store import Store, StoreError, backend_for
from reichatd.store.mongodb import reis_chatroom


@click.group(name="import")
def import_() -> None:
    """Take over the users, rooms and messages of another program."""


@import_.command("reis-chatroom")
@click.argument("uri")
@click.option("--database", metavar="NAME", help="The older program's database, if the URI does not name it.")
@click.option("--dry-run", is_flag=True, help="Change nothing, and say what would be.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@config_option
def from_reis_chatroom(uri: str, database: str | None, dry_run: bool, as_json: bool, config: Path | None) -> None:
    """Take over everything from the MongoDB of the older Reis-Chatroom at URI (mongodb://host/database).

    With - in place of URI it is read from standard input, where no list of processes shows its password. The older
    database is only read; stop the older program first.

    Ids are kept wherever they are sound, and people log in with their old passwords. What had to be changed or left out is listed.
    It can be run again: users and rooms that are there are passed over, and what an interrupted run has left is taken up.
    """
    loaded = load_or_fail(config)
    if uri == "-":
        uri = first_line().strip()
    try:
        with things_shown() as progress:
            report = trio.run(_import, uri, database, loaded, dry_run, progress)
    except StoreError as error:
        exit_status.fail(exit_status.STORE_UNAVAILABLE, str(error))
    except KeyboardInterrupt:
        exit_status.fail(
            exit_status.INTERRUPTED, "interrupted: what is there stays, and the next run takes up the rest"
        )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        _print(report)


async def _import(uri: str, database: str | None, loaded: Loaded, dry_run: bool, progress: Progress) -> Report:
    settings = loaded.settings
    timeout = settings.storage.mongodb.timeout_seconds
    async with (
        reis_chatroom.reading(uri, database, timeout_seconds=timeout) as source,
        _target(loaded, dry_run) as target,
    ):
        run = Import(source, target, settings.limits, dry_run=dry_run, progress=progress)
        await run.run()
        return run.report


@asynccontextmanager
async def _target(loaded: Loaded, dry_run: bool) -> AsyncIterator[Store | None]:
    """The store; None where there is none yet, and a dry run must not make one."""
    backend = backend_for(loaded.settings.storage, loaded.paths.data_file)
    if dry_run and not await backend.exists():
        yield None
        return
    store = await backend.open()
    try:
        yield store
    finally:
        with trio.CancelScope(shield=True):
            await store.aclose()


def _print(report: Report) -> None:
    for note in report.notes:
        click.echo(str(note))
    counts = report.counts
    verb = "would be taken over" if report.dry_run else "taken over"
    there = f"; there already: {counts['users there']:,} users, {counts['rooms there']:,} rooms"
    click.echo(
        f"{verb}: {counts['users']:,} users, {counts['rooms']:,} rooms, {counts['messages']:,} messages; "
        f"{counts['placeholders']:,} placeholders for authors who are gone{there}"
    )
