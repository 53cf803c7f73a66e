"""Prints mail on the terminal, where reichatd runs without a mail server."""

import sys
from typing import TYPE_CHECKING, TextIO

from reichatd.mail.transport import MailDeferred
from reichatd.stdio import deliver

if TYPE_CHECKING:
    from email.message import EmailMessage

WIDTH = 72


class ConsoleTransport:
    """Prints each mail between two rules, so that it stands out from the log.

    Arguments:
        stream: where to print; by default what `sys.stderr` is at that moment.
        seconds: how long a buffered stream (the daemon's streams are) may take. A mail not read
            by then is deferred, not lost.
    """

    def __init__(self, stream: TextIO | None = None, *, seconds: float = 30.0) -> None:
        self._stream = stream
        self._seconds = seconds

    def send(self, message: "EmailMessage") -> None:
        """Prints the plain text. Blocks until it is written.

        Raises:
            MailDeferred: it could not be written.
        """
        try:
            # One write, so that no log line comes in between.
            deliver(self._stream or sys.stderr, as_text(message), self._seconds)
        except (OSError, ValueError) as error:  # ValueError: the stream is closed, or cannot encode a character
            raise MailDeferred(f"the console does not accept it: {error.__class__.__name__}") from error


def as_text(message: "EmailMessage") -> str:
    """The mail as it is printed."""
    body = message.get_body(preferencelist=("plain",))
    text = body.get_content() if body is not None else ""
    head = f"To:      {message['To']}\nSubject: {message['Subject']}"
    return f"\n{' mail '.center(WIDTH, '─')}\n{head}\n\n{text.strip()}\n{'─' * WIDTH}\n\n"
