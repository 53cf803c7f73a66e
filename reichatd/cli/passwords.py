"""Where a new password comes from: a prompt, standard input, or chance. Never the command line, which others can read."""

import secrets
import string
from collections.abc import Callable
from typing import TypeVar

import click

from reichatd.cli import exit_status
from reichatd.cli.prompts import ask, can_ask, first_line
from reichatd.settings import LimitSettings

F = TypeVar("F", bound=Callable[..., object])

_GENERATED_CHARACTERS = 20


def password_options(command: F) -> F:
    """Gives a command `from_stdin` and `generate`."""
    command = click.option("--generate", is_flag=True, help="Make a password up and print it, this once.")(command)
    return click.option("--password-stdin", "from_stdin", is_flag=True, help="Read it from standard input, one line.")(
        command
    )


def new_password(limits: LimitSettings, *, from_stdin: bool, generate: bool) -> str:
    """The password that somebody is to have."""
    if from_stdin and generate:
        raise click.UsageError("--password-stdin and --generate exclude each other")
    if generate:
        size = min(max(_GENERATED_CHARACTERS, limits.password_min), limits.password_max)
        return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(size))
    if from_stdin:
        return read_password()
    return ask_password()


def read_password() -> str:
    """The first line of standard input."""
    return first_line()


def ask_password() -> str:
    """Asks for it, twice."""
    if not can_ask():
        raise click.UsageError("nobody can be asked for a password here: give --password-stdin or --generate")
    try:
        return ask("New password", hidden=True, twice=True)
    except click.Abort:
        exit_status.fail(exit_status.INTERRUPTED, "interrupted; nothing was changed")
