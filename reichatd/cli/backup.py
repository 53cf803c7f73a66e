"""`reichatd backup` and `reichatd restore`: copies the whole store into one file, and back."""

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
from reichatd.cli.output import confirm, yes_option
from reichatd.cli.private_files import why_unwritable
from reichatd.cli.progress import ProgressBar
from reichatd.cli.secret import place_of_secret
from reichatd.cli.settings_loader import Loaded, config_option, load_or_fail
from reichatd.cli.store_access import store_errors_reported
from reichatd.store import NewerSchema, StoreError, backend_for
from reichatd.store.errors import StoreNotEmpty

_NICE = 10
"""The niceness of a backup (nice(1)): the daemon goes first if both need the processor."""


class _Backup(click.Group):
    """A group with a default command (`backup FILE`) and one with a name (`backup verify FILE`)."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in {"verify", "--help"}:
            args = ["write", *args]
        return super().parse_args(ctx, args)


@click.command(cls=_Backup, subcommand_metavar="[--force] FILE | verify FILE", options_metavar="")
def backup() -> None:
    """Back up everything into FILE. The daemon may run meanwhile.

    `backup verify FILE` restores a backup into a scratch store, in the directory for temporary files, and compares every record.

    Only its owner can read FILE, since it contains all messages. It does not contain the secret that signs tokens: keep a copy of
    that file too, or let everybody log in again after a restore.

    --force replaces an existing FILE; --config names the settings file.
    """


@backup.command(hidden=True)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace an existing FILE.")
@config_option
def write(file: Path, force: bool, config: Path | None) -> None:
    """Back up everything into FILE. The daemon may run meanwhile."""
    loaded = load_or_fail(config)
    os.nice(_NICE)
    with _errors_reported(file, exit_status.CANNOT_CREATE), ProgressBar(in_bytes=True) as bar:
        counts = trio.run(_write, loaded, file, force, partial(bar.show, total=None))
    click.echo(f"{file}: {_in_words(counts)}, {file.stat().st_size:,} bytes")
    if not loaded.settings.auth.secret_key:
        click.echo(f"It does not contain the secret: keep a copy of {loaded.paths.secret_file} too")


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

    The scratch store is in the directory for temporary files (TMPDIR names another). It needs several times the space of FILE.
    """
    with _errors_reported(file, exit_status.UNREADABLE), ProgressBar(in_bytes=True) as bar:
        counts = trio.run(transfer.verify, file, partial(bar.show, total=file.stat().st_size))
    click.echo(f"{file}: good; {_in_words(counts)}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Delete the content of the store first; this asks for confirmation.")
@config_option
@yes_option
def restore(file: Path, force: bool, config: Path | None, yes: bool) -> None:
    """Restore a backup into an empty store, also one of another kind.

    The store is the one that the settings name. FILE may come from a store of another kind: that is the way from SQLite to MongoDB
    and back. The whole FILE is checked before the store is changed.

    Stop all daemons first. An interrupted restore leaves an SQLite file as it was. It
    leaves a MongoDB on which no daemon starts: run the restore again.

    If root runs this, a new SQLite file belongs to the owner of its directory.
    """
    loaded = load_or_fail(config)
    with _errors_reported(file, exit_status.UNREADABLE):
        size = file.stat().st_size
        if force:
            confirm(partial(_question, loaded, file), yes=yes)
    loader = partial(backend_for(loaded.settings.storage, loaded.paths.data_file).restoring, replace=force)
    with _errors_reported(file, exit_status.UNREADABLE), ProgressBar(in_bytes=True) as bar:
        counts = trio.run(transfer.restore, file, loader, partial(bar.show, total=size))
    click.echo(f"{file}: restored {_in_words(counts)}")
    click.echo(
        f"Before the first start, put the secret of the backed up daemon into {place_of_secret(loaded)}: "
        "with another one all users have to log in again, and second factors are lost"
    )


def _question(loaded: Loaded, file: Path) -> str:
    backend = backend_for(loaded.settings.storage, loaded.paths.data_file)
    try:
        loss = trio.run(backend.contents)
    except NewerSchema:
        raise
    except StoreError as error:
        loss = f"a store that cannot be read ({error})"  # a damaged one, perhaps; a restore may repair it
    return f"Delete {loss}, for good, and restore {file}?" if loss else ""


def _in_words(counts: Counter[str]) -> str:
    return ", ".join(f"{number:,} {kind}{'s' * (number != 1)}" for kind, number in counts.items()) or "nothing"


@contextmanager
def _errors_reported(file: Path, unusable: int) -> Iterator[None]:
    """Ends the program with a line and an exit status if the work fails.

    Arguments:
        unusable: the exit status if the system refuses FILE.
    """
    with store_errors_reported("interrupted; run it again from the beginning"):
        try:
            yield
        except BadArchive as error:
            exit_status.fail(exit_status.BAD_DATA, f"{file}: {error}")
        except StoreNotEmpty as error:
            exit_status.fail(exit_status.CANNOT_CREATE, f"{error}; --force deletes its content first")
        except FileExistsError:
            exit_status.fail(exit_status.CANNOT_CREATE, f"{file} exists already; --force replaces it, if it is a file")
        except OSError as error:
            # The name of the temporary file beside FILE means nothing to a person.
            is_named = error.filename in (None, str(file), f"{file}.part")
            exit_status.fail(
                unusable, why_unwritable(file, error) if is_named else f"{error.filename}: {error.strerror}"
            )
