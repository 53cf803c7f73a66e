"""Gets a new password: from a prompt, from standard input, or at random. Never from the command line, which others can read."""

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
    """Gives a command the arguments `from_stdin` and `generate`."""
    command = click.option("--generate", is_flag=True, help="Generate a password, and print it.")(command)
    return click.option(
        "--password-stdin", "from_stdin", is_flag=True, help="Read the password from standard input, one line."
    )(command)


def new_password(limits: LimitSettings, *, from_stdin: bool, generate: bool) -> str:
    """A user's new password, from where the options say."""
    if from_stdin and generate:
        raise click.UsageError("--password-stdin and --generate exclude each other")
    if generate:
        size = min(max(_GENERATED_CHARACTERS, limits.password_min), limits.password_max)
        return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(size))
    return first_line() if from_stdin else ask_password()


def ask_password() -> str:
    """Asks for a password, twice. Ends the program if there is no terminal, or at Ctrl+C."""
    if not can_ask():
        raise click.UsageError("no terminal to ask for a password: give --password-stdin or --generate")
    try:
        return ask("New password", hidden=True, twice=True)
    except click.Abort:
        exit_status.fail(exit_status.INTERRUPTED, "interrupted; nothing was changed")
