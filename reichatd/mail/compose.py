"""Builds a mail: the same words as plain text and as HTML."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import localtime, make_msgid
from html import escape
from textwrap import fill

from msgspec import Struct

_WIDTH = 72

_PAGE = """\
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
{blocks}
</div>
</body>
</html>
"""

_PARAGRAPH = '<p style="margin: 0 0 16px;">{}</p>'
_CODE = """\
<p class="code" style="margin: 0 0 16px; padding: 14px; border-radius: 8px; background: #eef1f4; color: #111418; text-align: center;
  font: 600 30px/1.2 ui-monospace, Menlo, Consolas, monospace; letter-spacing: 6px;">{}</p>"""
_LINK = """\
<p class="code" style="margin: 0 0 16px; padding: 14px; border-radius: 8px; background: #eef1f4; color: #111418;
  font: 14px/1.4 ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere;">{}</p>"""
_NOTE = '<p class="note" style="margin: 0; font-size: 13px; color: #68707b;">{}</p>'


class MailText(Struct, frozen=True):
    """What a mail says, between the greeting and the end. All is plain text.

    Arguments:
        subject: without anything secret: mail servers log subjects.
        opening: the first paragraph.
        code: shown large, after the opening; "" for none.
        link: shown in its place, so that it can be copied; "" for none.
        closing: the next paragraph; "" for none.
        note: the last paragraph, in small print; "" for none.
    """

    subject: str
    opening: str
    code: str = ""
    link: str = ""
    closing: str = ""
    note: str = ""


def compose(text: MailText, *, sender: Address, to: str, username: str) -> EmailMessage:
    """Builds the mail.

    Arguments:
        sender: the From address; its domain is also that of the Message-ID.
        to: a valid address, without a display name.
        username: the name in the greeting; any text, "" if it is not known.

    Raises:
        ValueError: an address contains a character that a header may not, such as a line break.
    """
    local, _, domain = to.rpartition("@")
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = Address(username=local, domain=domain)
    message["Subject"] = text.subject
    message["Date"] = localtime()
    # With an explicit domain: for the default one, Python asks the name server.
    message["Message-ID"] = make_msgid(domain=sender.domain)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_as_plain(text, username), cte="quoted-printable")
    message.add_alternative(_as_html(text, username), subtype="html", cte="quoted-printable")
    return message


def duration(minutes: float) -> str:
    """A number of minutes, in words."""
    return "1 minute" if minutes == 1 else f"{minutes:g} minutes"


def _greeting(username: str) -> str:
    return f"Hello {username}," if username else "Hello,"


def _as_plain(text: MailText, username: str) -> str:
    shown = text.code or text.link
    parts = [
        _greeting(username),
        fill(text.opening, _WIDTH),
        f"    {shown}" if shown else "",
        fill(text.closing, _WIDTH),
        fill(text.note, _WIDTH),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _as_html(text: MailText, username: str) -> str:
    blocks = [
        _PARAGRAPH.format(escape(_greeting(username))),
        _PARAGRAPH.format(escape(text.opening)),
        _CODE.format(escape(text.code)) if text.code else "",
        _LINK.format(escape(text.link)) if text.link else "",
        _PARAGRAPH.format(escape(text.closing)) if text.closing else "",
        _NOTE.format(escape(text.note)) if text.note else "",
    ]
    return _PAGE.format(subject=escape(text.subject), blocks="\n".join(filter(None, blocks)))
