"""What a person types at a prompt, or a program writes to standard input: text, whatever bytes come."""

import sys

import click

from reichatd.cli import exit_status


def ask(question: str, *, hidden: bool = False, twice: bool = False, default: str | None = None) -> str:
    """Asks on standard error until there is an answer that is text.

    Arguments:
        hidden: whether what is typed is not shown.
        twice: whether to have it typed again, and compared.
        default: what an empty answer means.

    Raises: click.Abort, at the end of the input or Ctrl+C.
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
    """Whether there is a person to ask; also False where standard input is closed."""
    return sys.stdin is not None and sys.stdin.isatty()


def first_line() -> str:
    """The first line of standard input, without its end. Ends the program where that is no text."""
    if sys.stdin is None:
        exit_status.fail(exit_status.BAD_DATA, "standard input is closed")
    try:
        return _text(sys.stdin.readline().rstrip("\r\n"))
    except UnicodeError:
        exit_status.fail(exit_status.BAD_DATA, "standard input is not UTF-8")


def _text(read: str) -> str:
    """What was read. Raises UnicodeError: in some locales, C among them, Python hides bytes that are no text in lone surrogates."""
    read.encode()
    return read
