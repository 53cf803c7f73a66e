"""User names for new users."""

import pytest

from reichatd.accounts.oidc.handshake import Person
from reichatd.accounts.oidc.names import username_of
from reichatd.settings import LimitSettings


@pytest.mark.parametrize(
    ("names", "email", "expected"),
    [
        (("ada", "Ada Lovelace"), "", "ada"),
        (("a", "Ada Lovelace"), "", "AdaLovelace"),
        (("ada.lovelace@example.org",), "", "adalovelaceexampleorg"),
        (("…",), "ada@example.org", "ada"),
        (("Åsa",), "", "Åsa"),
        (("x" * 64,), "", "x" * 32),
    ],
)
def test_a_new_users_name(names: tuple[str, ...], email: str, expected: str) -> None:
    assert username_of(Person("", "", email, True, names), LimitSettings()) == expected


def test_someone_without_a_name_gets_one() -> None:
    assert username_of(Person("", "", "…@example.org"), LimitSettings()).startswith("user")
