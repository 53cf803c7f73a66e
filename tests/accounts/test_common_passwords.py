import pytest
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from reichatd.accounts.common_passwords import _ranks, is_common

MOST = 10_000


def test_the_file_is_the_beginning_of_the_librarys_list() -> None:
    assert list(_ranks()) == FREQUENCY_LISTS["passwords"][:MOST]


@pytest.mark.parametrize("password", ["password", "PassWord", "12345678", FREQUENCY_LISTS["passwords"][MOST - 1]])
def test_a_common_password(password: str) -> None:
    assert is_common(password, MOST)
    assert not is_common(password, 0)


@pytest.mark.parametrize("password", ["", "correct horse", "password ", "\ud800", FREQUENCY_LISTS["passwords"][MOST]])
def test_any_other_password(password: str) -> None:
    assert not is_common(password, MOST)


def test_fewer() -> None:
    assert is_common("password", 2)
    assert not is_common("password", 1)
