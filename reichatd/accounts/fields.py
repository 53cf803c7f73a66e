"""The rules for e-mail addresses, user names and passwords. Pure."""

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from reichatd.accounts.common_passwords import is_common
from reichatd.errors import FieldProblem, InvalidFields
from reichatd.text import SPACES, is_line, is_word, normal

if TYPE_CHECKING:
    from collections.abc import Callable

    from email_validator import ValidatedEmail

    from reichatd.settings import LimitSettings


EMAIL_CHARS = 254
LABEL_CHARS = 64
MOST_DAYS = 3650
"""The longest time that a user may choose, in days."""


class Email(NamedTuple):
    """A valid e-mail address, in two forms."""

    normal: str
    """As it is stored and looked up."""
    deliverable: str
    """As it is used in mail: the domain in ASCII where possible."""


class Registrant(NamedTuple):
    """The checked fields of a registration."""

    email: Email
    username: str


def registrant(limits: "LimitSettings", email: str, password: str, username: str) -> Registrant:
    """Checks all fields of a registration.

    Raises:
        InvalidFields: with every problem found.
    """
    problems: list[FieldProblem] = []
    address = Email("", "")
    try:
        address = parse_email(email)
    except ValueError as error:
        problems.append(FieldProblem("email", str(error)))
    name = normal(username, limits.username_max)
    problems += _password_problems(limits, "password", password)
    problems += _username_problems(limits, name)
    if problems:
        raise InvalidFields(problems)
    return Registrant(address, name)


def new_username(limits: "LimitSettings", username: str) -> str:
    """Returns the user name as it is stored.

    Raises:
        InvalidFields: the name breaks a rule.
    """
    name = normal(username, limits.username_max)
    if problems := _username_problems(limits, name):
        raise InvalidFields(problems)
    return name


def check_new_password(limits: "LimitSettings", password: str) -> None:
    """Raises InvalidFields if a new password is too short, too long or too common."""
    if problems := _password_problems(limits, "new_password", password):
        raise InvalidFields(problems)


def label(name: str) -> str:
    """Returns the name that a user gives to a thing of their own, as it is stored.

    Raises:
        InvalidFields: the name breaks a rule.
    """
    name = normal(name.strip(), LABEL_CHARS)
    if len(name) <= LABEL_CHARS and is_line(name):
        return name
    raise InvalidFields(
        [FieldProblem("name", f"must have 1 to {LABEL_CHARS} characters on one line, some of them visible")]
    )


def parse_email(text: str) -> Email:
    """Parses an address. Spaces around it are ignored: pasted text and phone keyboards add them.

    Raises:
        ValueError: it is not a valid address; the text says why, for a person.
    """
    text = text.strip(SPACES)
    if len(text) > EMAIL_CHARS:
        raise ValueError(f"must have at most {EMAIL_CHARS} characters")
    address = _validator()(text)
    return Email(address.normalized, address.ascii_email or address.normalized)


def known_form(email: str) -> str:
    """The address as it would be stored; "" if it is not a valid address."""
    try:
        return parse_email(email).normal
    except ValueError:
        return ""


def is_short_enough(limits: "LimitSettings", password: str) -> bool:
    """Whether a password is not too long to be hashed."""
    return len(normal(password, limits.password_max)) <= limits.password_max


def _password_problems(limits: "LimitSettings", field: str, password: str) -> list[FieldProblem]:
    least, most = limits.password_min, limits.password_max
    text = normal(password, most)
    if not least <= len(text) <= most:
        return [FieldProblem(field, f"must have {least} to {most} characters")]
    if is_common(text, limits.common_passwords):
        return [FieldProblem(field, "is one of the passwords that are guessed first; choose another")]
    return []


def _username_problems(limits: "LimitSettings", name: str) -> list[FieldProblem]:
    least, most = limits.username_min, limits.username_max
    if least <= len(name) <= most and is_word(name):
        return []
    return [FieldProblem("username", f"must have {least} to {most} characters, letters and digits only")]


@cache
def _validator() -> "Callable[[str], ValidatedEmail]":
    """Imports the library with the first address: the import is slow, and the daemon can start without it."""
    import email_validator

    # On an intranet, .local, .test and localhost are valid domains. The library lets its users change this list.
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

    def validate(text: str) -> "ValidatedEmail":
        return email_validator.validate_email(text, check_deliverability=False, globally_deliverable=False)

    return validate


def folded(email: str) -> str:
    """What an e-mail address is counted by. Stores ignore case, so that every spelling is the same account."""
    return email.lower()


def mailbox(email: str) -> str:
    """What mails to an address are counted by: for most servers, what follows a "+" is the same mailbox (RFC 5233)."""
    local, _, domain = folded(email).rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
