"""Letters on the terminal, for those who run reichatd without a mail server."""

import sys
from typing import TYPE_CHECKING, TextIO

from reichatd.mail.transport import Deferred

if TYPE_CHECKING:
    from email.message import EmailMessage

WIDTH = 72


class ConsoleTransport:
    """Prints letters, set off from the log between two rules.

    Arguments:
        stream: where to; by default what `sys.stderr` is at that moment.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def send(self, letter: "EmailMessage") -> None:
        """Prints the plain text. May block if nobody reads the stream."""
        stream = self._stream or sys.stderr
        try:
            # One write, so that no line of the log comes in between.
            stream.write(picture(letter))
            stream.flush()
        except (OSError, ValueError) as error:  # ValueError: the stream is closed, or cannot encode a character
            raise Deferred(f"the console does not take it: {error.__class__.__name__}") from error


def picture(letter: "EmailMessage") -> str:
    """The letter as it is printed."""
    body = letter.get_body(preferencelist=("plain",))
    text = body.get_content() if body is not None else ""
    head = f"To:      {letter['To']}\nSubject: {letter['Subject']}"
    return f"\n{' mail '.center(WIDTH, '─')}\n{head}\n\n{text.strip()}\n{'─' * WIDTH}\n\n"
