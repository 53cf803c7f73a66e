"""`reichatd import`: imports the data of other programs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click
import trio

from reichatd.cli.output import json_option, print_json
from reichatd.cli.progress import ProgressBar
from reichatd.cli.prompts import first_line
from reichatd.cli.settings_loader import Loaded, config_option, load_or_fail
from reichatd.cli.store_access import opened_store, store_errors_reported
from reichatd.imports.run import Import, Progress, Report
from reichatd.store import Store, backend_for
from reichatd.store.mongodb import reis_chatroom


@click.group(name="import")
def import_() -> None:
    """Import the users, rooms and messages of another program."""


@import_.command("reis-chatroom")
@click.argument("uri")
@click.option("--database", metavar="NAME", help="The database of Reis-Chatroom, if the URI does not name it.")
@click.option("--dry-run", is_flag=True, help="Change nothing; show what would be imported.")
@json_option
@config_option
def from_reis_chatroom(uri: str, database: str | None, dry_run: bool, as_json: bool, config: Path | None) -> None:
    """Import everything from the MongoDB of Reis-Chatroom at URI (mongodb://host/database).

    With - as URI, the command reads it from standard input, so that its password is not in the process list. The database of
    Reis-Chatroom is only read. Stop Reis-Chatroom first.

    Valid ids are kept, and users log in with their old passwords. The command lists what it had to change or leave out. It can run
    again: it skips users and rooms that exist, and continues after an interruption.
    """
    loaded = load_or_fail(config)
    if uri == "-":
        uri = first_line().strip()
    with (
        store_errors_reported("interrupted; what was imported stays, and the next run continues"),
        ProgressBar() as bar,
    ):
        report = trio.run(_import, uri, database, loaded, dry_run, bar.show)
    if as_json:
        print_json(report)
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
    """The store to import into. None if it does not exist, since a dry run creates none."""
    if dry_run and not await backend_for(loaded.settings.storage, loaded.paths.data_file).exists():
        yield None
        return
    async with opened_store(loaded, may_create=True) as store:
        yield store


def _print(report: Report) -> None:
    for note in report.notes:
        click.echo(str(note))
    counts = report.counts
    verb = "would be imported" if report.dry_run else "imported"
    click.echo(
        f"{verb}: {counts['users']:,} users, {counts['rooms']:,} rooms, {counts['messages']:,} messages; "
        f"{counts['placeholders']:,} placeholders for deleted authors; "
        f"existing already: {counts['users there']:,} users, {counts['rooms there']:,} rooms"
    )
