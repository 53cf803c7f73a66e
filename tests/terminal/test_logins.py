"""The file of saved logins."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reichatd.terminal.client import Login
from reichatd.terminal.logins import Logins

ADA = Login("ada@example.org", "1", "access", "refresh")
BOB = Login("bob@example.org", "2", "access", "refresh")


def test_logins_are_saved_by_server_and_readable_for_their_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "state" / "logins.json"
    logins = Logins(file)
    assert logins.of("https://a") is None
    logins.save("https://a", ADA)
    logins.save("https://b", BOB)
    assert (logins.of("https://a"), logins.of("https://b")) == (ADA, BOB)
    logins.save("https://a", None)
    assert (logins.of("https://a"), logins.of("https://b")) == (None, BOB)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_a_file_that_others_could_read_becomes_private(tmp_path: Path) -> None:
    file = tmp_path / "logins.json"
    file.write_text("{}")
    file.chmod(0o644)
    Logins(file).save("https://a", ADA)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"https://a": 1}'])
def test_a_malformed_file_holds_no_login(tmp_path: Path, text: str) -> None:
    file = tmp_path / "logins.json"
    file.write_text(text)
    assert Logins(file).of("https://a") is None


def test_an_account_has_a_separate_login(tmp_path: Path) -> None:
    logins = Logins(tmp_path / "logins.json")
    logins.save("https://a", ADA)
    assert logins.key_of_account("https://a", ADA.email) == "https://a"
    logins.save(logins.key_of_account("https://a", BOB.email), BOB)
    assert (logins.of("https://a"), logins.of(logins.key_of_account("https://a", BOB.email))) == (ADA, BOB)


def test_concurrent_writers_lose_no_login(tmp_path: Path) -> None:
    def save(number: int) -> None:
        Logins(tmp_path / "logins.json").save(f"https://{number}", ADA)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(save, range(200)))
    assert all(Logins(tmp_path / "logins.json").of(f"https://{number}") == ADA for number in range(200))
