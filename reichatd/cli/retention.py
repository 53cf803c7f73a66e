"""`reichatd retention`: for how long messages are kept, what would go now, and what went.

It works on the store itself, whether a daemon uses it or not.
"""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TypeVar

import click
import msgspec
import trio
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from reichatd.cli import exit_status
from reichatd.cli.output import confirm, yes_option
from reichatd.cli.settings import Loaded, config_option, load_or_fail
from reichatd.retention import Ledger, Retention, all_kept
from reichatd.settings import LiveSettings
from reichatd.store import Keep, LogRange, Store, StoreError, backend_for
from reichatd.timestamps import isoformat

T = TypeVar("T")

_KEEPS_IT = "{} keeps the space for what comes next; with --compact it goes back to the disk."

json_option = click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")


class _Row(msgspec.Struct):
    """What went, or would go, from one room; the log begins with `first_id` then. `bytes` is about what the messages take."""

    room_id: str
    messages: int
    bytes: int
    oldest: str
    newest: str
    first_id: int


class _Report(msgspec.Struct, omit_defaults=True):
    """`freed` is what went back to the disk, in bytes; not there in a dry run."""

    dry_run: bool
    messages: int
    bytes: int
    rooms: list[_Row]
    freed: int | None = None


@click.group()
def retention() -> None:
    """Say for how long messages are kept, and remove old ones.

    A daemon that runs does the latter by itself, by what its settings and the rooms say.
    """


@retention.command()
@click.argument("room_id", required=False)
@config_option
@json_option
def show(room_id: str | None, config: Path | None, as_json: bool) -> None:
    """Show for how long messages are kept: in a room, or by default and in all rooms with a limit of their own."""
    loaded = load_or_fail(config)
    default = Keep(loaded.settings.retention.keep_days, loaded.settings.retention.keep_messages)
    if room_id is not None:
        room = _with_store(loaded, lambda store: store.rooms.head(room_id))
        if room is None:
            exit_status.fail(exit_status.NOT_FOUND, f"there is no room {room_id}")
        rooms = {room_id: room.keep}
    else:
        rooms = _with_store(loaded, partial(all_kept, all_rooms=False))
    if as_json:
        limits = {each: keep and msgspec.to_builtins(keep) for each, keep in rooms.items()}
        click.echo(_json({"default": msgspec.to_builtins(default), "rooms": limits}))
        return
    click.echo(f"all rooms, by default: {_in_words(default)}")
    for each, keep in rooms.items():
        click.echo(f"{each}: {_in_words(keep)}" if keep is not None else f"{each}: as all rooms")


@retention.command("set")
@click.argument("room_id")
@click.option("--keep-days", type=click.IntRange(1, 36_500), metavar="N", help="Keep messages for N days.")
@click.option("--keep-messages", type=click.IntRange(1, 1_000_000_000), metavar="N", help="Keep the last N messages.")
@click.option("--forever", is_flag=True, help="Keep all of them, whatever the settings say.")
@click.option("--inherit", is_flag=True, help="Keep them as the settings say for all rooms.")
@config_option
def set_(
    room_id: str, keep_days: int | None, keep_messages: int | None, forever: bool, inherit: bool, config: Path | None
) -> None:
    """Give a room a limit of its own, in place of that of the settings.

    With both --keep-days and --keep-messages, whichever removes more wins.
    """
    if sum([keep_days is not None or keep_messages is not None, forever, inherit]) != 1:
        raise click.UsageError("say one of: --keep-days and/or --keep-messages, --forever, --inherit")
    keep = None if inherit else Keep(keep_days or 0, keep_messages or 0)
    if not _with_store(load_or_fail(config), lambda store: store.rooms.keep(room_id, keep)):
        exit_status.fail(exit_status.NOT_FOUND, f"there is no room {room_id}")


@retention.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--compact", is_flag=True, help="Have MongoDB give the space back to the disk (a heavy command there).")
@config_option
@json_option
@yes_option
def run(dry_run: bool, compact: bool, config: Path | None, as_json: bool, yes: bool) -> None:
    """Remove messages that are too old now, and give their space back to the disk.

    It goes in small steps, so that a daemon on the same store hardly feels it. Interrupted, it can be run again.
    """
    loaded = load_or_fail(config)
    if dry_run and compact:
        raise click.UsageError("--dry-run removes nothing, so there is nothing for --compact")
    confirm(partial(_question, loaded), yes=yes or dry_run)
    ledger, freed = Ledger(), 0
    try:
        with Console(stderr=True).status("looking") as status:

            def tell(room_id: str, stretch: LogRange) -> None:
                ledger.add(room_id, stretch)
                status.update(f"{ledger.messages:,} messages in {len(ledger.rooms):,} rooms")

            rules = LiveSettings(loaded.settings)
            if dry_run:
                _with_store(loaded, lambda store: Retention(rules, store).look(tell))
            else:
                freed = _with_store(loaded, lambda store: _remove(Retention(rules, store), store, tell, compact))
    finally:
        # Also of what was cut off: so much is done.
        _say(ledger, None if dry_run else freed, as_json)
    backend = backend_for(loaded.settings.storage, loaded.paths.data_file)
    if freed == 0 and ledger.messages and backend.keeps_space and not dry_run:
        click.echo(_KEEPS_IT.format(backend.title), err=True)


def _question(loaded: Loaded) -> str:
    doomed = Ledger()
    rules = LiveSettings(loaded.settings)
    _with_store(loaded, lambda store: Retention(rules, store).look(doomed.add))
    if not doomed.messages:
        return ""
    return f"Remove {doomed.messages:,} messages in {len(doomed.rooms):,} rooms, for good?"


async def _remove(retention: Retention, store: Store, tell: Callable[[str, LogRange], None], compact: bool) -> int:
    await retention.apply(tell)
    freed = await retention.reclaim()
    if compact:
        try:
            freed += await store.compact()
        except StoreError as error:  # a login without that right, say: what was to be removed is removed all the same
            click.echo(f"reichatd: the space was not given back: {error}", err=True)
    return freed


def _with_store(loaded: Loaded, work: Callable[[Store], Awaitable[T]]) -> T:
    """Opens the store, does the work and closes it; what the store refuses ends the program."""
    backend = backend_for(loaded.settings.storage, loaded.paths.data_file)
    if backend.file and not backend.file.exists():
        exit_status.fail(exit_status.UNREADABLE, f"there is no data at {backend.file} (storage.path)")

    async def open_and_work() -> T:
        async with aclosing(await backend.open()) as store:
            return await work(store)

    try:
        return trio.run(open_and_work)
    except StoreError as error:
        exit_status.fail(exit_status.STORE_UNAVAILABLE, str(error))
    except KeyboardInterrupt:
        exit_status.fail(exit_status.INTERRUPTED, "interrupted: what is removed is removed, and the next run goes on")


def _say(ledger: Ledger, freed: int | None, as_json: bool) -> None:
    rows = [
        _Row(room_id, gone.messages, gone.size, isoformat(gone.oldest), isoformat(gone.newest), gone.next_id)
        for room_id, gone in ledger.rooms.items()
    ]
    if as_json:
        click.echo(_json(_Report(freed is None, ledger.messages, ledger.size, rows, freed)))
        return
    if rows:
        Console().print(_table(rows))
    verb = "would go" if freed is None else "went"
    freed_in_words = "" if freed is None else f"; {decimal(freed)} given back to the disk"
    click.echo(f"{ledger.messages:,} messages {verb}, about {decimal(ledger.size)}{freed_in_words}")


def _table(rows: list[_Row]) -> Table:
    table = Table("room")
    for name in ("messages", "bytes", "oldest", "newest", "then begins at"):
        table.add_column(name, justify="right")
    for row in rows:
        when = (each.partition("T")[0] for each in (row.oldest, row.newest))
        table.add_row(row.room_id, f"{row.messages:,}", decimal(row.bytes), *when, f"{row.first_id:,}")
    return table


def _in_words(keep: Keep) -> str:
    days = f"{keep.days} day{'s' if keep.days > 1 else ''}" if keep.days else ""
    messages = f"the last {keep.messages:,} messages" if keep.messages else ""
    return ", and of that ".join(filter(None, [days, messages])) or "for ever"


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value)).decode()
