"""Prints the results of commands: JSON for programs, tables on a terminal, plain columns elsewhere."""

import os
import secrets
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec

from reichatd.cli import exit_status
from reichatd.cli.private_files import create_private, why_unwritable
from reichatd.cli.prompts import can_ask
from reichatd.settings.keys import printable

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
output_option = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file, not to standard output.",
)


def print_json(value: object) -> None:
    """Prints a value as indented JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value)).decode())


def print_json_line(value: object) -> None:
    """Prints a value as JSON on one line."""
    click.echo(msgspec.json.encode(value).decode())


def print_record(record: msgspec.Struct | Mapping[str, object], *, as_json: bool) -> None:
    """Prints one record: a line for each field, or JSON."""
    if as_json:
        print_json(record)
    else:
        print_fields(fields_of(record) if isinstance(record, msgspec.Struct) else record)


def print_records(kind: type[msgspec.Struct], records: Sequence[msgspec.Struct], *, as_json: bool) -> None:
    """Prints records of one kind: a row for each, or JSON."""
    if as_json:
        print_json(records)
    else:
        print_rows(kind.__struct_fields__, [list(fields_of(record).values()) for record in records])


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Collection[str] = ()) -> None:
    """Prints a table on a terminal. Elsewhere it prints a line of names, then lines with tabs between the cells, not cut off.

    Arguments:
        right: the columns that a table aligns at the right.
    """
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
        table.add_column(column, overflow="fold", justify="right" if column in right else "left")
    for row in cells:
        table.add_row(*map(Text, row))
    Console().print(table)


def print_fields(fields: Mapping[str, object]) -> None:
    """Prints a line for each field."""
    width = max(map(len, fields)) + 2
    for name, value in fields.items():
        click.echo(f"{name.replace('_', ' '):<{width}}{_cell(name, value)}")


def fields_of(record: msgspec.Struct) -> dict[str, Any]:
    """A record's fields by name, in their order."""
    return {name: getattr(record, name) for name in record.__struct_fields__}


def confirm(question: str | Callable[[], str], *, yes: bool) -> None:
    """Asks for confirmation. Returns if the answer is yes; otherwise the program ends, and nothing has been changed.

    Arguments:
        question: the question, or a function that returns it; it is called only if there is a terminal. "" asks nothing.
        yes: whether --yes was given, so that nothing is asked.
    """
    if yes:
        return
    if not can_ask():
        raise click.UsageError("no terminal to ask for confirmation: give --yes")
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
    """Gives a function that writes a record as one line of JSON.

    A file gets mode 0600, and appears under its name when it is complete. It is created with the first record, not before: by then
    the command handles signals, and an interruption leaves no file.

    Arguments:
        file: None for standard output.
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
                output = create_private(unnamed)
                until_whole.callback(unnamed.unlink, missing_ok=True)
                until_whole.enter_context(output)
            _write_line(output, record)

        try:
            yield write
            if output is not None:
                output.flush()
                os.fsync(output.fileno())
                unnamed.replace(file)
        except OSError as error:
            exit_status.fail(exit_status.CANNOT_CREATE, why_unwritable(file, error))


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
