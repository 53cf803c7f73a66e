import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reichatd.accounts import fields
from reichatd.errors import InvalidFields
from reichatd.settings import LimitSettings

LIMITS = LimitSettings()


@pytest.mark.parametrize(
    ("text", "normal", "deliverable"),
    [
        ("Ann@Example.ORG", "Ann@example.org", "Ann@example.org"),
        ("ann@intranet", "ann@intranet", "ann@intranet"),
        ("\u00a0 ann@intranet\t", "ann@intranet", "ann@intranet"),
        ("ann@mail.local", "ann@mail.local", "ann@mail.local"),
        ("ann@localhost", "ann@localhost", "ann@localhost"),
        ("ann@EXÄMPLE.org", "ann@exämple.org", "ann@xn--exmple-cua.org"),
        ("ann@xn--exmple-cua.org", "ann@exämple.org", "ann@xn--exmple-cua.org"),
        ("ju\u0308rgen@example.org", "jürgen@example.org", "jürgen@example.org"),
    ],
)
def test_addresses(text: str, normal: str, deliverable: str) -> None:
    assert fields.parse_email(text) == (normal, deliverable)
    assert fields.parse_email(normal).normal == normal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "ann",
        "ann@",
        "@example.org",
        "a b@example.org",
        "Ann <ann@example.org>",
        "ann@example.org\n",
        "ann@example.org\r\nBcc: eve@example.org",
        "\ud800@example.org",
        "a\0@example.org",
        "a@b@example.org",
        f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 60}.example.org",
        "a" * 100_000 + "@example.org",
    ],
)
def test_invalid_addresses(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        fields.parse_email(text)


@given(st.text() | st.emails() | st.text(st.characters()).map(lambda local: f"{local}@example.org"))
def test_an_address_is_normalised_or_refused(text: str) -> None:
    try:
        normal = fields.parse_email(text).normal
    except ValueError:
        return
    assert fields.parse_email(normal).normal == normal
    assert len(normal) <= 254
    assert normal.isprintable()


@pytest.mark.parametrize(
    "name",
    [
        *("abc", "a" * 32, "Änne", "ann1", "1ann", "张三李", "½①²", "Col·lega"),
        *("मीरा", "અમિત", "தமிழ்", "বাংলা", "ਗੁਰਪ੍ਰੀਤ", "ธนพล", "ພອນ", "နေဝင်း", "සුනිල්"),
        "می\u200cنم",  # Persian: the joiner changes how the letters look
        "രാമന്\u200d",  # Malayalam
        "क्\u200cष",
    ],
)
def test_names(name: str) -> None:
    assert fields.new_username(LIMITS, name) == name


def test_a_name_is_normalised_before_it_is_checked() -> None:
    # As two code points the umlaut is a letter and a mark, which is not a letter.
    assert fields.new_username(LIMITS, "A\u0308nne") == "Änne"


@pytest.mark.parametrize(
    "name",
    [
        *("", "ab", "a" * 33, "a b c", "ann_", "<b>ann</b>", "ann\n", "\ud800\ud800\ud800", "😀😀😀"),
        *("\u3164" * 3, "\u200b" * 3, "\u2800" * 3, "\0" * 3, "\u115f" * 3, "\u0301" * 3),
        *("ann\u3164", "an\u00adn", "ann\ufe0f", "ann\u034f", "\u202eann", "ann\u200f", "a\u2066nn"),
        *("an\u200dn", "an\u200cn", "ann\u200d", "\u200dann", "د\u200cدد"),
    ],
)
def test_invalid_names(name: str) -> None:
    with pytest.raises(InvalidFields) as caught:
        fields.new_username(LIMITS, name)
    assert caught.value.problems == [("username", "must have 3 to 32 characters, letters and digits only")]


def test_passwords_are_counted_in_characters() -> None:
    fields.check_new_password(LIMITS, "ä" * 128)
    fields.check_new_password(LIMITS, "😀" * 8)
    for password in ("😀" * 7, "x" * 129, ""):
        with pytest.raises(InvalidFields) as caught:
            fields.check_new_password(LIMITS, password)
        assert caught.value.problems == [("new_password", "must have 8 to 128 characters")]


def test_all_problems_at_once() -> None:
    with pytest.raises(InvalidFields) as caught:
        fields.registrant(LIMITS, "nobody", "short", "!")
    assert [field for field, _ in caught.value.problems] == ["email", "password", "username"]


def test_the_start_does_not_import_what_it_does_not_need() -> None:
    check = "import sys, reichatd.accounts; print([m for m in ('email_validator', 'smtplib') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout.strip() == "[]"
