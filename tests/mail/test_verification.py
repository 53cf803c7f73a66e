from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reichatd.mail import verification_mail

SENDER = Address("Reichatd", "noreply", "chat.example.org")


def mail_for(to: str = "ann@example.org", username: str = "ann", minutes: float = 10.0) -> EmailMessage:
    return verification_mail(sender=SENDER, to=to, username=username, code="042137", minutes=minutes)


def as_received(message: EmailMessage) -> EmailMessage:
    return message_from_bytes(bytes(message), policy=policy.default)


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body(preferencelist=(kind,))
    assert body is not None
    return str(body.get_content())


def test_headers() -> None:
    message = as_received(mail_for())
    assert message["From"] == "Reichatd <noreply@chat.example.org>"
    assert message["To"] == "ann@example.org"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@chat.example.org>")
    assert message["Date"].datetime.tzinfo is not None
    assert message["Subject"]
    assert "042137" not in message["Subject"]


def test_each_mail_has_its_own_message_id() -> None:
    assert mail_for()["Message-ID"] != mail_for()["Message-ID"]


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_both_parts_say_code_name_and_validity(kind: str) -> None:
    text = part(as_received(mail_for(username="Änne")), kind)
    for word in ("042137", "Änne", "10 minutes", "ignore this message"):
        assert word in text


@pytest.mark.parametrize(("minutes", "words"), [(1.0, "1 minute."), (2.5, "2.5 minutes."), (1440.0, "1440 minutes.")])
def test_minutes(minutes: float, words: str) -> None:
    assert f"valid for {words}" in part(mail_for(minutes=minutes), "plain")


def test_the_html_supports_both_colour_schemes() -> None:
    html = part(mail_for(), "html")
    assert 'name="color-scheme" content="light dark"' in html
    assert "prefers-color-scheme: dark" in html


def test_a_username_is_escaped_in_html() -> None:
    html = part(as_received(mail_for(username='<img src=x onerror="1">{code}&')), "html")
    assert "<img" not in html
    assert "&lt;img src=x onerror=&quot;1&quot;&gt;{code}&amp;" in html


@given(st.text())
def test_no_username_adds_a_header(username: str) -> None:
    username = username.encode("utf-8", "replace").decode()
    assert as_received(mail_for(username="\r\nBcc: eve@example.org\r\n" + username)).keys() == mail_for().keys()


@pytest.mark.parametrize("to", ["a\r\nBcc: eve@example.org", "a@example.org\nBcc: eve@example.org", "a\n@example.org"])
def test_an_address_with_a_line_break_is_refused(to: str) -> None:
    with pytest.raises(ValueError, match="CR or LF"):
        mail_for(to=to)
