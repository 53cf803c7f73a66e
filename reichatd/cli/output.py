"""What a command prints: JSON for programs, tables for people, plain columns where nobody looks."""

import os
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec

from reichatd.cli import exit_status
from reichatd.cli.prompts import can_ask
from reichatd.settings.keys import printable

json_option = click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")


def print_json(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value)).decode())


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on a terminal; elsewhere lines with tabs between the cells, uncut, under a line of names."""
    cells = [[_cell(*cell) for cell in zip(columns, row, strict=True)] for row in rows]
    if not sys.stdout.isatty():
        for line in (columns, *cells):
            click.echo("\t".join(line))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    Console().print(table)


def print_fields(fields: Mapping[str, object]) -> None:
    """One thing, a line for each of its fields."""
    width = max(map(len, fields)) + 2
    for name, value in fields.items():
        click.echo(f"{name.replace('_', ' '):<{width}}{_cell(name, value)}")


def fields_of(record: msgspec.Struct) -> dict[str, Any]:
    """A record's fields by name, in their order."""
    return {name: getattr(record, name) for name in record.__struct_fields__}


def confirm(question: str | Callable[[], str], *, yes: bool) -> None:
    """Returns if it is meant; else the program ends, and nothing has been changed.

    Arguments:
        question: or what finds it out, only where somebody can be asked; "" if there is nothing to ask.
    """
    if yes:
        return
    if not can_ask():
        raise click.UsageError("nobody can be asked here whether it is meant: give --yes")
    text = question if isinstance(question, str) else question()
    if not text:
        return
    try:
        click.confirm(printable(text), abort=True, err=True)
    except click.Abort as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            exit_status.fail(exit_status.INTERRUPTED, "interrupted; nothing was changed")
        exit_status.fail(1, "nothing was changed")
    except UnicodeDecodeError:  # neither yes nor no
        exit_status.fail(1, "nothing was changed")


@contextmanager
def json_lines(file: Path | None) -> Iterator[Callable[[object], None]]:
    """Gives a function that writes a line of JSON: to standard output, or to a file, mode 0600, that appears when it is whole.

    Nothing is made before the first line: by then somebody sees to it that what is interrupted is tidied up.
    """
    if file is None:
        yield lambda record: _write_line(sys.stdout.buffer, record)
        sys.stdout.flush()
        return
    unnamed = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    with ExitStack() as until_whole:
        output: BinaryIO | None = None

        def write(record: object) -> None:
            nonlocal output
            if output is None:
                descriptor = os.open(unnamed, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                until_whole.callback(unnamed.unlink, missing_ok=True)
                output = until_whole.enter_context(open(descriptor, "wb"))
            _write_line(output, record)

        try:
            yield write
            if output is not None:
                output.flush()
                os.fsync(output.fileno())
                unnamed.replace(file)
        except OSError as error:
            exit_status.fail(exit_status.CANNOT_CREATE, unwritable(file, error))


def unwritable(file: Path, error: OSError) -> str:
    """Why a file cannot be written, for the person who named it."""
    if isinstance(error, FileNotFoundError | NotADirectoryError) and not file.parent.is_dir():
        missing = "is not a directory" if file.parent.exists() else "does not exist"
        return f"{file}: the directory {file.parent} {missing}"
    if isinstance(error, FileExistsError):
        return f"{file} is there already"
    return f"{file}: {error.strerror}"


def _write_line(output: Any, record: object) -> None:  # noqa: ANN401 - any binary file
    output.write(msgspec.json.encode(record) + b"\n")


def _cell(name: str, value: object) -> str:
    match value:
        case str() if name.endswith("_at"):
            return f"{value[:19]}Z"  # people need no microseconds
        case bool():
            return "yes" if value else "no"
        case None:
            return ""
        case list():
            return ", ".join(printable(str(item)) for item in value)
        case _:
            return printable(str(value))
