"""The file of logins."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reichatd.terminal.client import Login
from reichatd.terminal.logins import Logins

ADA = Login("ada@example.org", "1", "access", "refresh")
BOB = Login("bob@example.org", "2", "access", "refresh")


def test_logins_are_kept_by_server_and_for_their_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "state" / "logins.json"
    logins = Logins(file)
    assert logins.of("https://a") is None
    logins.keep("https://a", ADA)
    logins.keep("https://b", BOB)
    assert (logins.of("https://a"), logins.of("https://b")) == (ADA, BOB)
    logins.keep("https://a", None)
    assert (logins.of("https://a"), logins.of("https://b")) == (None, BOB)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    file = tmp_path / "logins.json"
    file.write_text("{}")
    file.chmod(0o644)
    Logins(file).keep("https://a", ADA)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"https://a": 1}'])
def test_a_file_that_makes_no_sense_holds_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "logins.json"
    file.write_text(text)
    assert Logins(file).of("https://a") is None


def test_an_account_has_a_login_beside_that_of_the_person_who_chats(tmp_path: Path) -> None:
    logins = Logins(tmp_path / "logins.json")
    logins.keep("https://a", ADA)
    assert logins.of_account("https://a", ADA.email) == "https://a"
    logins.keep(logins.of_account("https://a", BOB.email), BOB)
    assert (logins.of("https://a"), logins.of(logins.of_account("https://a", BOB.email))) == (ADA, BOB)


def test_those_who_keep_logins_at_once_lose_none(tmp_path: Path) -> None:
    def keep(number: int) -> None:
        Logins(tmp_path / "logins.json").keep(f"https://{number}", ADA)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(keep, range(200)))
    assert all(Logins(tmp_path / "logins.json").of(f"https://{number}") == ADA for number in range(200))
