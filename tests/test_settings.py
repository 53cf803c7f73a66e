"""The types of the settings, the generated file, and the live settings."""

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reichatd.settings import (
    AuthSettings,
    LimitSettings,
    LiveSettings,
    MongoDBSettings,
    RetentionSettings,
    ServerSettings,
    Settings,
    StorageSettings,
    kinds,
)
from reichatd.settings.keys import TABLES
from reichatd.settings.manual import toml_file
from reichatd.settings.prose import sections
from reichatd.settings.tables import Table

TOML_FILE = Path(__file__).parent.parent / "etc" / "reichatd.toml"


class Undocumented(Table, frozen=True):
    host: str = ""


def flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of nested tables by full name; empty tables are left out."""
    values: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            values |= flat(value, f"{prefix}{name}.")
        else:
            values[prefix + name] = value
    return values


def test_the_file_is_generated_from_the_tables() -> None:
    """If not: python -m reichatd.settings.manual > etc/reichatd.toml"""
    assert TOML_FILE.read_text(encoding="utf-8") == toml_file()


def test_a_key_without_a_docstring_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLES, "server", Undocumented)
    with pytest.raises(ValueError, match=r"no text after server\.host"):
        sections()


def test_the_file_has_every_key_with_its_default() -> None:
    text = re.sub(r"^# (?=[a-z0-9_]+ = )", "", TOML_FILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert flat(tomllib.loads(text)) == flat(msgspec.json.decode(msgspec.json.encode(Settings())))


def test_the_file_sets_nothing() -> None:
    assert flat(tomllib.loads(TOML_FILE.read_text(encoding="utf-8"))) == {}


def test_the_file_explains_every_group_of_keys() -> None:
    lines = TOML_FILE.read_text(encoding="utf-8").splitlines()
    is_key = [re.match(r"# [a-z0-9_]+ = ", line) is not None for line in lines]
    for before, line, key in zip(lines, lines[1:], is_key[1:], strict=False):
        assert not key or before.startswith("# "), f"no text before: {line}"


def test_no_secret_is_in_a_repr() -> None:
    settings = Settings(
        auth=AuthSettings(secret_key="hunter2"),
        storage=StorageSettings(mongodb=MongoDBSettings(uri="mongodb://a:pw@b")),
    )
    assert "hunter2" not in repr(settings)
    assert "pw" not in repr(settings.storage)
    assert "secret_key='…'" in repr(settings)
    assert "secret_key=''" in repr(Settings())


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (kinds.Host, ["127.0.0.1", "::1", "chat.example.org", "höst"], ["", "a b", "a/b", "u@h", "a\n"]),
        (kinds.FilePath, ["", "/a b/c", "rel", "/ä"], ["~/a", "a\0b", "a\nb"]),
        (
            kinds.Origin,
            ["*", "https://a.example", "http://localhost:3000", "http://[::1]:80000", "capacitor://localhost"],
            ["", "null", "a.example", "https://a/", "https://A", "https://a:443", "http://a:80", "https://u@a", "**"],
        ),
        (
            kinds.MailAddress,
            ["a@b", "a.b+c@d.example", "Chat <a@b>", "<a@b>", "Jörg <a@b>", '"a, b" <a@b>'],
            ["", "a", "a@", "a@b>", "<a@b", "x, y <a@b>", "a@b\n", "a@b, c@d", "ä@b", "x\ny <a@b>"],
        ),
        (
            kinds.MongoURI,
            ["mongodb://h", "mongodb+srv://u:p@h/?a=b"],
            ["", "h:27017", "http://h", "mongodb://", "mongodb://a b"],
        ),
        (kinds.DatabaseName, ["", "reichatd", "a-b_c"], ["a.b", "a b", "a/b", "a$b", "x" * 64]),
        (kinds.Text, ["", "ünï"], ["a\nb", "\x7f"]),
    ],
)
def test_values_of_text_types(kind: type[str], right: list[str], wrong: list[str]) -> None:
    for text in right:
        assert msgspec.convert(text, kind) == text
    for text in wrong:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(text, kind)


def test_callbacks_see_the_new_settings() -> None:
    live, seen = LiveSettings(Settings()), []
    live.on_change(lambda: seen.append((live.limits.message_chars, live.server.port, live.whole.retention.keep_days)))
    old = live.limits
    live.replace(
        Settings(
            limits=LimitSettings(message_chars=7),
            server=ServerSettings(port=1),
            retention=RetentionSettings(keep_days=2),
        )
    )
    assert seen == [(7, 1, 2)]
    assert old.message_chars == LimitSettings().message_chars, "a table that a part keeps does not change"
