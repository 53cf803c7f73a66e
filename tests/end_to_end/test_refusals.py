"""Where the daemon cannot start: one clear line for each reason, a status that tells them apart, and no traceback."""

import os
import socket
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from reichatd.cli import exit_status
from reichatd.store.sqlite.schema import APPLICATION_ID
from tests.end_to_end.conftest import stored_in_mongodb
from tests.mongod import free_port
from tests.process import refusal

NEWER = 999
IMPATIENT = {"REICHATD_STORAGE_MONGODB_TIMEOUT_SECONDS": "0.5"}


def refused(directory: Path, status: int, inside: Sequence[str] = (), **settings: str) -> list[str]:
    """The lines of a refusal with this status."""
    ended = refusal(directory, settings, inside)
    assert ended.returncode == status, ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    lines = ended.stderr.splitlines()
    assert lines
    assert [line for line in lines if not (line.startswith("reichatd: ") and line.isprintable())] == []
    return lines


def refused_in_a_line(directory: Path, status: int, inside: Sequence[str] = (), **settings: str) -> str:
    (line,) = refused(directory, status, inside, **settings)
    return line


def test_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = refused_in_a_line(tmp_path, exit_status.CANNOT_LISTEN, REICHATD_SERVER_PORT=port)
    assert f"server.host, server.port: cannot listen on 127.0.0.1:{port}: " in line


def test_an_address_that_is_not_ours(tmp_path: Path) -> None:
    settings = {"REICHATD_SERVER_HOST": "192.0.2.1", "REICHATD_SERVER_INSECURE": "true"}
    assert "192.0.2.1" in refused_in_a_line(tmp_path, exit_status.CANNOT_LISTEN, **settings)


@pytest.mark.parametrize("kind", ["missing", "directory"])
def test_settings_that_cannot_be_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "reichatd.toml"
    if kind == "directory":
        path.mkdir()
    assert str(path) in refused_in_a_line(tmp_path, exit_status.CONFIGURATION, REICHATD_CONFIG=str(path))


@pytest.mark.parametrize("content", [b"[server\nport = 1", b"\xff\xfe\x00", b'port = "\x00"'])
def test_settings_that_are_not_toml(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "reichatd.toml"
    path.write_bytes(content)
    assert str(path) in refused_in_a_line(tmp_path, exit_status.CONFIGURATION, REICHATD_CONFIG=str(path))


def test_every_wrong_setting_has_a_line(tmp_path: Path) -> None:
    path = tmp_path / "reichatd.toml"
    path.write_text('[server]\nport = "http"\nhosst = "::1"\n[limits]\npassword_min = 0\n[log]\nlevel = "loud"\n')
    settings = {"REICHATD_STORAGE_BACKEND": "paper", "REICHATD_LIMITS_FRAME_BITES": "7"}
    lines = refused(tmp_path, exit_status.CONFIGURATION, REICHATD_CONFIG=str(path), **settings)
    # The port of the environment does not mend the one in the file.
    wrong = {"server.port", "server.hosst", "limits.password_min", "log.level", "storage.backend"}
    assert len(lines) == len(wrong) + 1
    for name in (*wrong, "REICHATD_LIMITS_FRAME_BITES"):
        assert sum(f" {name}: " in line for line in lines) == 1, name
    assert any("server.host is the nearest" in line for line in lines)


def test_short_secret(tmp_path: Path) -> None:
    short = "too short a secret"
    assert short not in refused_in_a_line(tmp_path, exit_status.CONFIGURATION, SECRET_KEY=short)
    file = tmp_path / "secret.key"
    file.write_text(short)
    file.chmod(0o600)
    line = refused_in_a_line(tmp_path, exit_status.CONFIGURATION, REICHATD_AUTH_SECRET_KEY_FILE=str(file))
    assert str(file) in line
    assert short not in line


def test_secret_open_to_others(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    file.write_text("x" * 64)
    file.chmod(0o644)
    line = refused_in_a_line(tmp_path, exit_status.CONFIGURATION, REICHATD_AUTH_SECRET_KEY_FILE=str(file))
    assert f"chmod g-w,o= {file}" in line


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """A file in place of a directory is in the way even of root."""
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    path = str(in_the_way / "reichatd.sqlite3")
    line = refused_in_a_line(tmp_path, exit_status.CANNOT_CREATE, REICHATD_STORAGE_PATH=path)
    assert str(in_the_way) in line
    # The same with a secret that is elsewhere: then it is the store that cannot be made.
    settings = {"SECRET_KEY": "x" * 64, "REICHATD_STORAGE_PATH": path}
    assert str(in_the_way) in refused_in_a_line(tmp_path, exit_status.STORE_UNAVAILABLE, **settings)


def sqlite_file(directory: Path, application_id: int, version: int) -> dict[str, str]:
    path = directory / "data" / "chat.sqlite3"
    path.parent.mkdir(mode=0o700)
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA application_id = {application_id}")
    db.execute(f"PRAGMA user_version = {version}")
    db.execute("CREATE TABLE anything (x)")
    db.close()
    return {"REICHATD_STORAGE_PATH": str(path)}


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_bytes(os.urandom(8192))
    before = path.read_bytes()
    line = refused_in_a_line(tmp_path, exit_status.STORE_UNAVAILABLE, REICHATD_STORAGE_PATH=str(path))
    assert str(path) in line
    assert path.read_bytes() == before


def test_a_database_of_another_program(tmp_path: Path) -> None:
    settings = sqlite_file(tmp_path, 0, 0)
    line = refused_in_a_line(tmp_path, exit_status.STORE_UNAVAILABLE, **settings)
    assert settings["REICHATD_STORAGE_PATH"] in line


def test_a_newer_schema_in_sqlite(tmp_path: Path) -> None:
    settings = sqlite_file(tmp_path, APPLICATION_ID, NEWER)
    line = refused_in_a_line(tmp_path, exit_status.STORE_UNAVAILABLE, **settings)
    assert settings["REICHATD_STORAGE_PATH"] in line
    assert f"schema version {NEWER}" in line


def test_a_newer_schema_in_mongodb(tmp_path: Path, mongod_standalone: str) -> None:
    with stored_in_mongodb(mongod_standalone) as settings:
        with MongoClient[dict[str, Any]](mongod_standalone) as client:
            database = client[settings["REICHATD_STORAGE_MONGODB_DATABASE"]]
            database["meta"].insert_one({"_id": "schema", "version": NEWER})
        assert f"schema version {NEWER}" in refused_in_a_line(tmp_path, exit_status.STORE_UNAVAILABLE, **settings)


def test_mongodb_that_does_not_answer(tmp_path: Path) -> None:
    port = free_port()
    settings = {"MONGODB_URI": f"mongodb://somebody:hidden-word@127.0.0.1:{port}/", **IMPATIENT}
    line = refused_in_a_line(tmp_path, exit_status.STORE_UNAVAILABLE, **settings)
    assert f"127.0.0.1:{port}" in line
    assert "hidden-word" not in line


def test_mongodb_that_is_silent(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"127.0.0.1:{silent.getsockname()[1]}"
        settings = {"MONGODB_URI": f"mongodb://{where}/"}
        assert where in refused_in_a_line(tmp_path, exit_status.STORE_UNAVAILABLE, **settings, **IMPATIENT)


def test_files_that_settings_name(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    tls = {"REICHATD_SERVER_TLS_CERT": missing, "REICHATD_SERVER_TLS_KEY": missing}
    refused_in_a_line(tmp_path, exit_status.UNREADABLE, **tls)
    mail = {"BACKEND": "smtp", "USERNAME": "chat", "PASSWORD_FILE": missing}
    settings = {f"REICHATD_MAIL_{name}": value for name, value in mail.items()}
    assert missing in refused_in_a_line(tmp_path, exit_status.UNREADABLE, **settings)
