"""Asks at the terminal, and reads a line of standard input. The answer is always valid text."""

import sys

import click

from reichatd.cli import exit_status


def ask(question: str, *, hidden: bool = False, twice: bool = False, default: str | None = None) -> str:
    """Asks on standard error until the answer is UTF-8.

    Arguments:
        hidden: whether the terminal does not show what is typed.
        twice: whether the answer must be typed again, and be the same.
        default: the meaning of an empty answer.

    Raises:
        click.Abort: at the end of the input, or Ctrl+C.
    """
    while True:
        try:
            answer: str = click.prompt(
                question, hide_input=hidden, confirmation_prompt=twice, default=default, type=str, err=True
            )
            return _text(answer)
        except UnicodeError:
            click.echo("That is not UTF-8; please type it again.", err=True)


def can_ask() -> bool:
    """Whether standard input is a terminal. False also if standard input is closed."""
    return sys.stdin is not None and sys.stdin.isatty()


def first_line() -> str:
    """The first line of standard input, without its end of line. Ends the program if it is not UTF-8."""
    if sys.stdin is None:
        exit_status.fail(exit_status.BAD_DATA, "standard input is closed")
    try:
        return _text(sys.stdin.readline().rstrip("\r\n"))
    except UnicodeError:
        exit_status.fail(exit_status.BAD_DATA, "standard input is not UTF-8")


def _text(read: str) -> str:
    """Returns what was read. In some locales (C is one) Python reads bytes that are not UTF-8 as lone surrogates.

    Raises:
        UnicodeError
    """
    read.encode()
    return read
