"""Letters on the terminal, for those who run reichatd without a mail server."""

import sys
from typing import TYPE_CHECKING, TextIO

from reichatd.mail.transport import MailDeferred
from reichatd.stdio import deliver

if TYPE_CHECKING:
    from email.message import EmailMessage

WIDTH = 72


class ConsoleTransport:
    """Prints letters, set off from the log between two rules.

    Arguments:
        stream: where to; by default what `sys.stderr` is at that moment.
        seconds: how long a stream that is queued (as the daemon's are) may take; what nobody reads is tried again, not lost.
    """

    def __init__(self, stream: TextIO | None = None, *, seconds: float = 30.0) -> None:
        self._stream = stream
        self._seconds = seconds

    def send(self, letter: "EmailMessage") -> None:
        """Prints the plain text. Blocks until it is out.

        Raises:
            Deferred: it is not.
        """
        try:
            # In one piece, so that no line of the log comes in between.
            deliver(self._stream or sys.stderr, picture(letter), self._seconds)
        except (OSError, ValueError) as error:  # ValueError: the stream is closed, or cannot encode a character
            raise MailDeferred(f"the console does not take it: {error.__class__.__name__}") from error


def picture(letter: "EmailMessage") -> str:
    """The letter as it is printed."""
    body = letter.get_body(preferencelist=("plain",))
    text = body.get_content() if body is not None else ""
    head = f"To:      {letter['To']}\nSubject: {letter['Subject']}"
    return f"\n{' mail '.center(WIDTH, '─')}\n{head}\n\n{text.strip()}\n{'─' * WIDTH}\n\n"
