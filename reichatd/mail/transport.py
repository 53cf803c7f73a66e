"""What carries a letter out of the house.

MailError
├── Deferred   not now: the same letter may be taken later
└── Refused    never: trying again would not help
"""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from email.message import EmailMessage


class MailError(Exception):
    """A letter was not delivered. The text is for the log: it holds no part of the letter."""


class MailDeferred(MailError):
    """Not delivered now; the same letter may be taken later."""


class MailRefused(MailError):
    """Refused for good."""


class Transport(Protocol):
    """One way to deliver letters."""

    def send(self, letter: "EmailMessage") -> None:
        """Delivers one letter. Called in a worker thread, by the outbox alone; it may block.

        Raises:
            Deferred, Refused: it was not delivered.
        """
