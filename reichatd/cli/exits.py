"""The statuses that reichatd exits with, numbered as sysexits.h does; 2 (wrong usage) and 1 (Python's own) are `doctor`'s alone."""

from typing import Final, NoReturn

import click

OK: Final = 0
"""Done; for `serve`: stopped because it was told to, with everything stored."""
WARNINGS: Final = 1
"""`doctor` has found something that may come to harm; 1 and 2 as monitoring plugins have it."""
ERRORS: Final = 2
"""`doctor` has found something that is wrong."""
BAD_DATA: Final = 65
"""A backup is damaged, is none, or was written by a newer reichatd."""
UNREADABLE: Final = 66
"""A file that the settings name (a certificate, a password), or a backup, is missing or cannot be read."""
STORE_UNAVAILABLE: Final = 69
"""The store does not answer, or is not one that this version can use."""
CANNOT_LISTEN: Final = 71
"""The port is in use, or the address is not one to be had here."""
CANNOT_CREATE: Final = 73
"""A file or directory of the daemon's own, or a backup, cannot be made or written; or something is there that would be replaced."""
NOT_PERMITTED: Final = 77
"""Only root may do this."""
CONFIGURATION: Final = 78
"""The settings, or the secret, are not as they must be."""
INTERRUPTED: Final = 130
"""Ctrl+C, while something was done that can be begun anew."""


def fail(status: int, *messages: str) -> NoReturn:
    """Ends the program with `status`, after a line on standard error for each message."""
    for message in messages:
        click.echo(f"reichatd: {' '.join(message.splitlines())}", err=True)
    raise SystemExit(status)
