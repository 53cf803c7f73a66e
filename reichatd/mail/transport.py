"""How mail leaves the daemon: the protocol of a transport, and its errors.

MailError
├── MailDeferred   not now: the same mail may be accepted later
└── MailRefused    never: a retry would not help
"""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from email.message import EmailMessage


class MailError(Exception):
    """A mail was not delivered. The text is for the log: it holds no part of the mail."""


class MailDeferred(MailError):
    """Not delivered now; the same mail may be accepted later."""


class MailRefused(MailError):
    """Refused for good."""


class Transport(Protocol):
    """One way to deliver mail."""

    def send(self, message: "EmailMessage") -> None:
        """Delivers one mail. Only the outbox calls it, in a worker thread; it may block.

        Raises:
            MailDeferred, MailRefused: it was not delivered.
        """
