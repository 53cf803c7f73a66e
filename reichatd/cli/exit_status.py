"""The statuses that reichatd exits with, numbered as sysexits.h does.

1 and 2 are `doctor`'s; elsewhere 2 (wrong usage) and 1 (a question answered with no) are click's, and 1 is Python's own.
"""

from typing import Final, NoReturn

import click

OK: Final = 0
"""Done; for `serve`: stopped because it was told to, with everything stored."""
WARNINGS: Final = 1
"""`doctor` has found something that may come to harm; 1 and 2 as monitoring plugins have it."""
ERRORS: Final = 2
"""`doctor` has found something that is wrong."""
REFUSED: Final = 65
"""What was asked for breaks a rule, or does not fit what is there (a name taken, a user who is no member)."""
BAD_DATA: Final = 65
"""A backup is damaged, is none, or was written by a newer reichatd."""
UNREADABLE: Final = 66
"""A file that the settings name (a certificate, a password), or a backup, is missing or cannot be read."""
NOT_FOUND: Final = 67
"""There is no such user, registration or room."""
STORE_UNAVAILABLE: Final = 69
"""The store does not answer, or is not one that this version can use."""
NO_DAEMON: Final = 69
"""No daemon runs that could be told."""
CANNOT_LISTEN: Final = 71
"""The port is in use, or the address is not one to be had here."""
CANNOT_CREATE: Final = 73
"""A file or directory of the daemon's own, or a backup, cannot be made or written; or something is there that would be replaced."""
TRY_AGAIN: Final = 75
"""The running daemon has too much to do, or went away in the middle: the same command may be given again."""
NOT_PERMITTED: Final = 77
"""Only root, or the daemon's own user, may do this."""
CONFIGURATION: Final = 78
"""The settings, or the secret, are not as they must be."""
INTERRUPTED: Final = 130
"""Ctrl+C. The same command, given again, finishes what was begun, or begins anew."""
SIGNALLED: Final = 128
"""And the number of the signal: so shells have it, and 130 is SIGINT."""


def fail(status: int, *messages: str) -> NoReturn:
    """Ends the program with `status`, after a line on standard error for each message."""
    for message in messages:
        click.echo(f"reichatd: {' '.join(message.splitlines())}", err=True)
    raise SystemExit(status)
