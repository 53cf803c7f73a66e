"""Letters: built here, posted without waiting, delivered by one task of their own."""

from reichatd.mail.outbox import Outbox
from reichatd.mail.transport import MailDeferred, MailError, MailRefused, Transport
from reichatd.mail.verification import verification_letter

__all__ = ["MailDeferred", "MailError", "MailRefused", "Outbox", "Transport", "verification_letter"]
