"""The exit statuses of reichatd, numbered as in sysexits.h; and the ways to end a command with one.

`doctor` uses 1 and 2 in its own way. Elsewhere 2 is click's (wrong usage); 1 is click's (a question answered with no) and Python's.
"""

from typing import Final, NoReturn

import click

OK: Final = 0
"""Done. For `serve`: stopped by a signal, with every message stored."""
WARNINGS: Final = 1
"""`doctor` found something that may cause trouble. 1 and 2 are as for monitoring plugins."""
ERRORS: Final = 2
"""`doctor` found something that is wrong."""
REFUSED: Final = 65
"""The request breaks a rule, or conflicts with existing data (a name in use, a user who is no member)."""
BAD_DATA: Final = 65
"""A backup is damaged, is not a backup, or was written by a newer reichatd."""
UNREADABLE: Final = 66
"""A file that the settings name (a certificate, a password), or a backup, is missing or unreadable."""
NOT_FOUND: Final = 67
"""There is no such user, registration or room."""
STORE_UNAVAILABLE: Final = 69
"""The store does not answer, or this version cannot use it."""
NO_DAEMON: Final = 69
"""The command needs a running daemon, and there is none."""
CANNOT_LISTEN: Final = 71
"""The port is in use, or the address does not exist on this machine."""
CANNOT_CREATE: Final = 73
"""A file or directory of the daemon, or a backup, cannot be created or written; or a file exists that would be replaced."""
TRY_AGAIN: Final = 75
"""The running daemon is busy, or went away before it was done. The same command can be given again."""
NOT_PERMITTED: Final = 77
"""Only root, or the daemon's user, may do this."""
CONFIGURATION: Final = 78
"""The settings, or the secret, are not valid."""
INTERRUPTED: Final = 130
"""Ctrl+C. The same command, given again, finishes the work, or starts it again from the beginning."""
SIGNALLED: Final = 128
"""Plus the number of the signal, as in a shell: 130 is SIGINT."""


class Failure(Exception):
    """Ends a command, from a place where `fail` cannot. Arguments: the exit status, and the reason for the operator."""


def fail(status: int, *messages: str) -> NoReturn:
    """Ends the program with `status`. Prints each message as one line on standard error."""
    for message in messages:
        click.echo(f"reichatd: {' '.join(message.splitlines())}", err=True)
    raise SystemExit(status)


def of_refusal(status: int) -> int:
    """The exit status for a request that was refused with this HTTP status."""
    return {404: NOT_FOUND, 503: TRY_AGAIN}.get(status, REFUSED)
