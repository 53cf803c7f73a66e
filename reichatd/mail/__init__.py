"""Letters: built here, posted without waiting, delivered by one task of their own."""

from reichatd.mail.outbox import Outbox
from reichatd.mail.transport import Deferred, MailError, Refused, Transport
from reichatd.mail.verification import verification_letter

__all__ = ["Deferred", "MailError", "Outbox", "Refused", "Transport", "verification_letter"]
