"""`reichatd retention`: shows and sets how long messages are kept, and removes old ones.

It works on the store itself, even while a daemon uses it.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import NoReturn, TypeVar

import click
import msgspec
import trio
from rich.console import Console
from rich.filesize import decimal

from reichatd.cli import exit_status
from reichatd.cli.output import confirm, json_option, print_json, print_rows, yes_option
from reichatd.cli.settings_loader import Loaded, config_option, load_or_fail
from reichatd.cli.store_access import opened_store, store_errors_reported
from reichatd.retention import Ledger, Retention, all_kept
from reichatd.settings import LiveSettings
from reichatd.store import Keep, LogRange, Store, StoreError, backend_for
from reichatd.timestamps import isoformat

T = TypeVar("T")

_KEEPS_SPACE = "{} keeps the space for new messages; --compact returns it to the disk."


class _Row(msgspec.Struct):
    """What was removed, or would be, from one room. After that the log begins with `first_id`. `bytes` is an estimate."""

    room_id: str
    messages: int
    bytes: int
    oldest: str
    newest: str
    first_id: int


class _Report(msgspec.Struct, omit_defaults=True):
    """`freed` is the space that was returned to the disk, in bytes; a dry run has none."""

    dry_run: bool
    messages: int
    bytes: int
    rooms: list[_Row]
    freed: int | None = None


@click.group()
def retention() -> None:
    """Show or set how long messages are kept, and remove old ones.

    A running daemon removes old messages on its own, as its settings and the rooms say.
    """


@retention.command()
@click.argument("room_id", required=False)
@config_option
@json_option
def show(room_id: str | None, config: Path | None, as_json: bool) -> None:
    """Show how long messages are kept: in one room, or by default and in every room with its own limit."""
    loaded = load_or_fail(config)
    default = Keep(loaded.settings.retention.keep_days, loaded.settings.retention.keep_messages)
    if room_id is not None:
        room = _with_store(loaded, lambda store: store.rooms.head(room_id))
        if room is None:
            _fail_no_room(room_id)
        rooms = {room_id: room.keep}
    else:
        rooms = _with_store(loaded, partial(all_kept, all_rooms=False))
    if as_json:
        print_json({"default": default, "rooms": rooms})
        return
    click.echo(f"all rooms, by default: {_in_words(default)}")
    for each, keep in rooms.items():
        click.echo(f"{each}: {_in_words(keep)}" if keep is not None else f"{each}: as all rooms")


@retention.command("set")
@click.argument("room_id")
@click.option("--keep-days", type=click.IntRange(1, 36_500), metavar="N", help="Keep messages for N days.")
@click.option("--keep-messages", type=click.IntRange(1, 1_000_000_000), metavar="N", help="Keep the last N messages.")
@click.option("--forever", is_flag=True, help="Keep all messages, whatever the settings say.")
@click.option("--inherit", is_flag=True, help="Remove the room's limit, so that the settings apply.")
@config_option
def set_(
    room_id: str, keep_days: int | None, keep_messages: int | None, forever: bool, inherit: bool, config: Path | None
) -> None:
    """Give a room its own limit, which replaces that of the settings.

    With both --keep-days and --keep-messages, the one that removes more applies.
    """
    if sum([keep_days is not None or keep_messages is not None, forever, inherit]) != 1:
        raise click.UsageError("give one of: --keep-days and/or --keep-messages, --forever, --inherit")
    keep = None if inherit else Keep(keep_days or 0, keep_messages or 0)
    if not _with_store(load_or_fail(config), lambda store: store.rooms.keep(room_id, keep)):
        _fail_no_room(room_id)


@retention.command()
@click.option("--dry-run", is_flag=True, help="Remove nothing; show what would be removed.")
@click.option("--compact", is_flag=True, help="Make MongoDB return the space to the disk (a heavy command there).")
@config_option
@json_option
@yes_option
def run(dry_run: bool, compact: bool, config: Path | None, as_json: bool, yes: bool) -> None:
    """Remove messages that are too old now, and return their space to the disk.

    It works in small steps, which hardly delay a daemon on the same store. After an interruption, run it again.
    """
    loaded = load_or_fail(config)
    if dry_run and compact:
        raise click.UsageError("--dry-run removes nothing, so --compact has nothing to do")
    confirm(partial(_question, loaded), yes=yes or dry_run)
    ledger, freed = Ledger(), 0
    try:
        with Console(stderr=True).status("looking for old messages") as status:

            def tell(room_id: str, removed: LogRange) -> None:
                ledger.add(room_id, removed)
                status.update(f"{ledger.messages:,} messages in {len(ledger.rooms):,} rooms")

            rules = LiveSettings(loaded.settings)
            if dry_run:
                _with_store(loaded, lambda store: Retention(rules, store).look(tell))
            else:
                freed = _with_store(loaded, lambda store: _remove(Retention(rules, store), store, tell, compact))
    finally:
        # Also after an interruption: what was removed until then is reported.
        _print(ledger, None if dry_run else freed, as_json)
    backend = backend_for(loaded.settings.storage, loaded.paths.data_file)
    if freed == 0 and ledger.messages and backend.keeps_space and not dry_run:
        click.echo(_KEEPS_SPACE.format(backend.title), err=True)


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
        except (
            StoreError
        ) as error:  # for example, a login without that privilege; the messages are removed all the same
            click.echo(f"reichatd: the space was not returned: {error}", err=True)
    return freed


def _with_store(loaded: Loaded, work: Callable[[Store], Awaitable[T]]) -> T:
    """Opens the store, does the work, and closes the store. A failure ends the program."""

    async def open_and_work() -> T:
        async with opened_store(loaded) as store:
            return await work(store)

    with store_errors_reported("interrupted; what was removed stays removed, and the next run continues"):
        return trio.run(open_and_work)


def _fail_no_room(room_id: str) -> NoReturn:
    exit_status.fail(exit_status.NOT_FOUND, f"there is no room {room_id}")


def _print(ledger: Ledger, freed: int | None, as_json: bool) -> None:
    rows = [
        _Row(room_id, gone.messages, gone.size, isoformat(gone.oldest), isoformat(gone.newest), gone.next_id)
        for room_id, gone in ledger.rooms.items()
    ]
    if as_json:
        print_json(_Report(freed is None, ledger.messages, ledger.size, rows, freed))
        return
    if rows:
        numbers = ("messages", "bytes", "oldest", "newest", "then begins at")
        print_rows(("room", *numbers), map(_cells, rows), right=numbers)
    verb = "would be removed" if freed is None else "removed"
    freed_in_words = "" if freed is None else f"; {decimal(freed)} returned to the disk"
    click.echo(f"{ledger.messages:,} messages {verb}, about {decimal(ledger.size)}{freed_in_words}")


def _cells(row: _Row) -> tuple[str, ...]:
    oldest, newest = (each.partition("T")[0] for each in (row.oldest, row.newest))
    return row.room_id, f"{row.messages:,}", decimal(row.bytes), oldest, newest, f"{row.first_id:,}"


def _in_words(keep: Keep) -> str:
    days = f"{keep.days} day{'s' if keep.days > 1 else ''}" if keep.days else ""
    messages = f"the last {keep.messages:,} messages" if keep.messages else ""
    return ", and of that ".join(filter(None, [days, messages])) or "forever"
