"""Mail: messages are queued without waiting, and one task delivers them."""

from reichatd.mail.outbox import Outbox
from reichatd.mail.transport import MailDeferred, MailError, MailRefused, Transport
from reichatd.mail.verification import verification_mail

__all__ = ["MailDeferred", "MailError", "MailRefused", "Outbox", "Transport", "verification_mail"]
