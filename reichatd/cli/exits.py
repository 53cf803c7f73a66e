"""The statuses that reichatd exits with, numbered as sysexits.h does; 2 (wrong usage) and 1 (Python's own) are not ours."""

from typing import Final, NoReturn

import click

OK: Final = 0
"""Done; for `serve`: stopped because it was told to, with everything stored."""
NOT_FOUND: Final = 65
"""What the command was told to look at, a room say, does not exist."""
UNREADABLE: Final = 66
"""A file that the settings name (a certificate, a password) is missing or cannot be read."""
STORE_UNAVAILABLE: Final = 69
"""The store does not answer, or is not one that this version can use."""
CANNOT_LISTEN: Final = 71
"""The port is in use, or the address is not one to be had here."""
CANNOT_CREATE: Final = 73
"""A file or directory of the daemon's own cannot be made or written."""
NOT_PERMITTED: Final = 77
"""Only root may do this."""
CONFIGURATION: Final = 78
"""The settings, or the secret, are not as they must be."""


def fail(status: int, *messages: str) -> NoReturn:
    """Ends the program with `status`, after a line on standard error for each message."""
    for message in messages:
        click.echo(f"reichatd: {' '.join(message.splitlines())}", err=True)
    raise SystemExit(status)
