"""Settings for a daemon that sends mail to a test's SMTP server, and the codes in that mail."""

import re

from tests.mail.server import MailServer

_CODE = re.compile(r"^ +(\d{6})\r?$", re.MULTILINE)


def by_smtp(server: MailServer) -> dict[str, str]:
    return {
        "REICHATD_MAIL_BACKEND": "smtp",
        "REICHATD_MAIL_HOST": "127.0.0.1",
        "REICHATD_MAIL_PORT": str(server.port),
        "REICHATD_MAIL_TLS": "none",
        "REICHATD_MAIL_SENDER": "Chat <chat@example.org>",
        "REICHATD_MAIL_RETRY_SECONDS": "0.1",
        "REICHATD_MAIL_ATTEMPTS": "100",
    }


def code_in(server: MailServer, number: int) -> str:
    """The verification code in the mail with this number, from 0."""
    body = server.messages[number].get_body(("plain",))
    assert body is not None
    match = _CODE.search(body.get_content())
    assert match is not None
    return match[1]


def appears(code: str, log: str) -> bool:
    """Whether a code is in a log. The same digits may be part of an id or a time by chance."""
    return re.search(rf"(?<![0-9a-f.]){code}(?![0-9a-f])", log) is not None
