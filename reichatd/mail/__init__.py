"""Mail: messages are queued without waiting, and one task delivers them."""

from reichatd.mail.compose import MailText, compose
from reichatd.mail.messages import verification_mail
from reichatd.mail.outbox import Outbox
from reichatd.mail.transport import MailDeferred, MailError, MailRefused, Transport

__all__ = [
    "MailDeferred",
    "MailError",
    "MailRefused",
    "MailText",
    "Outbox",
    "Transport",
    "compose",
    "verification_mail",
]
