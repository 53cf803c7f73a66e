"""The daemon cannot start: it prints one clear line for each reason and no traceback, and the exit status differs by reason."""

import os
import socket
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from reichatd.cli import exit_status
from reichatd.store.sqlite.schema import APPLICATION_ID
from tests.end_to_end.conftest import stored_in_mongodb
from tests.end_to_end.failed_starts import refused, refused_in_a_line

NEWER = 999
"""A schema version from the future."""
SHORT_TIMEOUT = {"REICHATD_STORAGE_MONGODB_TIMEOUT_SECONDS": "0.5"}


def test_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = refused_in_a_line(tmp_path, exit_status.CANNOT_LISTEN, REICHATD_SERVER_PORT=port)
    assert f"server.host, server.port: cannot listen on 127.0.0.1:{port}: " in line


def test_an_address_of_another_machine(tmp_path: Path) -> None:
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
    # The port in the environment does not correct the one in the file.
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


def test_secret_file_that_others_can_read(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    file.write_text("x" * 64)
    file.chmod(0o644)
    line = refused_in_a_line(tmp_path, exit_status.CONFIGURATION, REICHATD_AUTH_SECRET_KEY_FILE=str(file))
    assert f"chmod g-w,o= {file}" in line


def test_a_directory_that_cannot_be_created(tmp_path: Path) -> None:
    """There is a file in its place, which stops root too."""
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    path = str(in_the_way / "reichatd.sqlite3")
    line = refused_in_a_line(tmp_path, exit_status.CANNOT_CREATE, REICHATD_STORAGE_PATH=path)
    assert str(in_the_way) in line
    # With the secret elsewhere, the store is the first that cannot be created.
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


def test_a_store_file_that_is_no_database(tmp_path: Path) -> None:
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


def test_mongodb_that_refuses_connections(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # without listen(), it reserves the port and connections are refused
        port = closed.getsockname()[1]
        settings = {"MONGODB_URI": f"mongodb://somebody:hidden-word@127.0.0.1:{port}/", **SHORT_TIMEOUT}
        line = refused_in_a_line(tmp_path, exit_status.STORE_UNAVAILABLE, **settings)
    assert f"127.0.0.1:{port}" in line
    assert "hidden-word" not in line


def test_mongodb_that_does_not_answer(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"127.0.0.1:{silent.getsockname()[1]}"
        settings = {"MONGODB_URI": f"mongodb://{where}/"}
        assert where in refused_in_a_line(tmp_path, exit_status.STORE_UNAVAILABLE, **settings, **SHORT_TIMEOUT)


def test_missing_files_that_settings_name(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    tls = {"REICHATD_SERVER_TLS_CERT": missing, "REICHATD_SERVER_TLS_KEY": missing}
    refused_in_a_line(tmp_path, exit_status.UNREADABLE, **tls)
    mail = {"BACKEND": "smtp", "USERNAME": "chat", "PASSWORD_FILE": missing}
    settings = {f"REICHATD_MAIL_{name}": value for name, value in mail.items()}
    assert missing in refused_in_a_line(tmp_path, exit_status.UNREADABLE, **settings)
