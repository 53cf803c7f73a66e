"""The mail with the verification code."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import localtime, make_msgid
from html import escape

SUBJECT = "Your verification code"
"""Does not contain the code: mail servers log subjects."""

TEXT = """\
Hello {username},

your verification code is

    {code}

It is valid for {minutes}.

Somebody, probably you, asked for an account with this address. If it
was not you, ignore this message: without the code nothing happens.
"""

HTML = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{subject}</title>
<style>
:root {{ color-scheme: light dark; }}
@media (prefers-color-scheme: dark) {{
  .page {{ background: #16181d !important; }}
  .card {{ background: #22252c !important; color: #e8eaed !important; }}
  .code {{ background: #30343d !important; color: #ffffff !important; }}
  .note {{ color: #a3a9b3 !important; }}
}}
</style>
</head>
<body class="page" style="margin: 0; padding: 32px 16px; background: #f1f3f5;">
<div class="card" style="max-width: 420px; margin: 0 auto; padding: 28px; border-radius: 12px; background: #ffffff; color: #1f2329;
  font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif;">
<p style="margin: 0 0 16px;">Hello {username},</p>
<p style="margin: 0 0 16px;">your verification code is</p>
<p class="code" style="margin: 0 0 16px; padding: 14px; border-radius: 8px; background: #eef1f4; color: #111418; text-align: center;
  font: 600 30px/1.2 ui-monospace, Menlo, Consolas, monospace; letter-spacing: 6px;">{code}</p>
<p style="margin: 0 0 16px;">It is valid for {minutes}.</p>
<p class="note" style="margin: 0; font-size: 13px; color: #68707b;">Somebody, probably you, asked for an account with this address.
If it was not you, ignore this message: without the code nothing happens.</p>
</div>
</body>
</html>
"""


def verification_mail(*, sender: Address, to: str, username: str, code: str, minutes: float) -> EmailMessage:
    """Builds the mail.

    Arguments:
        sender: the From address; its domain is also that of the Message-ID.
        to: a valid address, without a display name.
        username: any text; it is escaped in HTML.
        code: the verification code.
        minutes: how long the code is valid.

    Raises:
        ValueError: an address contains a character that a header may not, such as a line break.
    """
    local, _, domain = to.rpartition("@")
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = Address(username=local, domain=domain)
    message["Subject"] = SUBJECT
    message["Date"] = localtime()
    # With an explicit domain: for the default one, Python asks the name server.
    message["Message-ID"] = make_msgid(domain=sender.domain)
    message["Auto-Submitted"] = "auto-generated"
    words = {"subject": SUBJECT, "username": username, "code": code, "minutes": _minutes(minutes)}
    message.set_content(TEXT.format(**words), cte="quoted-printable")
    html = HTML.format(**{name: escape(word) for name, word in words.items()})
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message


def _minutes(minutes: float) -> str:
    return "1 minute" if minutes == 1 else f"{minutes:g} minutes"
