"""`reichatd backup` and `reichatd restore`: everything into one file, and out of it."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click
import trio

from reichatd import __version__
from reichatd.archive import transfer
from reichatd.archive.errors import BadArchive
from reichatd.archive.files import writing
from reichatd.archive.format import VERSION, Header
from reichatd.cli import exit_status
from reichatd.cli.output import confirm, unwritable, yes_option
from reichatd.cli.progress import bytes_shown
from reichatd.cli.settings import Loaded, config_option, load_or_fail
from reichatd.store import NewerSchema, StoreError, backend_for
from reichatd.store.errors import StoreNotEmpty

_NICE = 10
"""How far a backup stands back where the daemon wants the processor too."""


class _Backup(click.Group):
    """A group with one command by itself (`backup FILE`) and one behind a word (`backup verify FILE`)."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in {"verify", "--help"}:
            args = ["write", *args]
        return super().parse_args(ctx, args)


@click.command(cls=_Backup, subcommand_metavar="[--force] FILE | verify FILE", options_metavar="")
def backup() -> None:
    """Back up everything into FILE, also while the daemon runs.

    `backup verify FILE` restores a backup into a scratch store, in the directory for temporary files, and compares every record.

    FILE is for its owner only: anyone who reads it has all messages. The secret that tokens are signed with is not in it: keep a
    copy of that file too, or let everybody log in again after a restore.

    --force replaces a FILE that is there; --config names the settings file.
    """


@backup.command(hidden=True)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@config_option
def write(file: Path, force: bool, config: Path | None) -> None:
    """Back up everything into FILE, also while the daemon runs."""
    loaded = load_or_fail(config)
    os.nice(_NICE)
    with _told(file, exit_status.CANNOT_CREATE), bytes_shown() as progress:
        counts = trio.run(_write, loaded, file, force, progress)
    click.echo(f"{file}: {_in_words(counts)}, {file.stat().st_size:,} bytes")
    if not loaded.settings.auth.secret_key:
        click.echo(f"The secret is not in it: keep a copy of {loaded.paths.secret_file} too")


async def _write(loaded: Loaded, file: Path, force: bool, progress: transfer.Progress) -> Counter[str]:
    storage = loaded.settings.storage
    head = Header(version=VERSION, reichatd=__version__, store=storage.backend, created_at=time.time())
    async with backend_for(storage, loaded.paths.data_file).dumping() as pages:
        with writing(file, head, replace=force) as writer:
            await transfer.back_up(pages, writer, progress)
        return writer.counts


@backup.command()
@click.argument("file", type=click.Path(path_type=Path))
def verify(file: Path) -> None:
    """Restore a backup into a scratch store, and compare every record.

    The scratch store is in the directory for temporary files (TMPDIR names another), and takes several times the space of FILE.
    """
    with _told(file, exit_status.UNREADABLE), bytes_shown(file.stat().st_size) as progress:
        counts = trio.run(transfer.verify, file, progress)
    click.echo(f"{file}: good; {_in_words(counts)}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Throw away what the store holds, and ask before.")
@config_option
@yes_option
def restore(file: Path, force: bool, config: Path | None, yes: bool) -> None:
    """Fill an empty store from a backup, also one of another kind.

    It is the store that the settings name, and FILE is the backup, which may be from a store of the other kind: this is the way
    from SQLite to MongoDB and back. FILE is checked to its end before anything is done.

    Stop the daemon first; with MongoDB nobody but you can see to that. A restore that was cut off leaves an SQLite file as it was,
    and a MongoDB that no daemon starts on: run it again.

    Run by root, a new SQLite file belongs to the owner of the directory that it is in.
    """
    loaded = load_or_fail(config)
    with _told(file, exit_status.UNREADABLE):
        size = file.stat().st_size
        if force:
            confirm(partial(_question, loaded, file), yes=yes)
    loader = partial(backend_for(loaded.settings.storage, loaded.paths.data_file).restoring, replace=force)
    with _told(file, exit_status.UNREADABLE), bytes_shown(size) as progress:
        counts = trio.run(transfer.restore, file, loader, progress)
    click.echo(f"{file}: restored {_in_words(counts)}")


def _question(loaded: Loaded, file: Path) -> str:
    backend = backend_for(loaded.settings.storage, loaded.paths.data_file)
    try:
        loss = trio.run(backend.contents)
    except NewerSchema:
        raise
    except StoreError as error:
        loss = f"a store that cannot be read ({error})"  # damaged, say, for which a restore may be the remedy
    return f"Throw away {loss}, for good, and restore {file}?" if loss else ""


def _in_words(counts: Counter[str]) -> str:
    return ", ".join(f"{number:,} {kind}{'s' * (number != 1)}" for kind, number in counts.items()) or "nothing"


@contextmanager
def _told(file: Path, unusable: int) -> Iterator[None]:
    """Ends the program with a line and a status where the work fails; with `unusable` where the system refuses FILE."""
    try:
        yield
    except BadArchive as error:
        exit_status.fail(exit_status.BAD_DATA, f"{file}: {error}")
    except StoreNotEmpty as error:
        exit_status.fail(exit_status.CANNOT_CREATE, f"{error}: --force throws away what it holds")
    except StoreError as error:
        exit_status.fail(exit_status.STORE_UNAVAILABLE, str(error))
    except FileExistsError:
        exit_status.fail(exit_status.CANNOT_CREATE, f"{file} is there already: --force replaces it, if it is a file")
    except OSError as error:
        # The name of the part that is being written means nothing to a person.
        is_its_own = error.filename in (None, str(file), f"{file}.part")
        exit_status.fail(unusable, unwritable(file, error) if is_its_own else f"{error.filename}: {error.strerror}")
    except KeyboardInterrupt:
        exit_status.fail(exit_status.INTERRUPTED, "interrupted: to be run again from the beginning")
