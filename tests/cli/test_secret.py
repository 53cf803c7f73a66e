"""The secret that signs tokens: set, made, read or refused."""

import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reichatd.cli.secret import load_secret
from reichatd.cli.settings_loader import Loaded, load
from reichatd.settings import SettingsError
from tests.cli.conftest import Home


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_the_secret_is_made_once_and_only_its_owner_can_read_it(home: Home) -> None:
    loaded = load(None, {})
    secret = load_secret(loaded)
    assert load_secret(loaded) == secret
    assert len(bytes.fromhex(secret.decode())) == 32
    assert stat.S_IMODE(loaded.paths.secret_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.data.stat().st_mode) == 0o700
    assert list(home.data.iterdir()) == [loaded.paths.secret_file]


def test_daemons_that_start_at_the_same_time_use_one_secret(home: Home, tmp_path: Path) -> None:
    at_once = 8
    start = threading.Barrier(at_once)

    def run(loaded: Loaded) -> bytes:
        start.wait(10)
        return load_secret(loaded)

    with ThreadPoolExecutor(at_once) as pool:
        for attempt in range(20):
            loaded = load(None, {"STATE_DIRECTORY": str(tmp_path / f"state{attempt}")})
            secrets = set(pool.map(run, [loaded] * at_once))
            assert secrets == {loaded.paths.secret_file.read_bytes().strip()}
            assert len(list(loaded.paths.secret_file.parent.iterdir())) == 1


@pytest.mark.usefixtures("home")
def test_a_secret_in_the_settings_needs_no_file() -> None:
    loaded = load(None, {"SECRET_KEY": "ä" * 16})
    assert load_secret(loaded) == ("ä" * 16).encode()
    assert not loaded.paths.secret_file.exists()


@pytest.mark.usefixtures("home")
def test_a_secret_that_cannot_be_made_raises_the_error_of_the_system(tmp_path: Path) -> None:
    loaded = load(None, {"STATE_DIRECTORY": str(write(tmp_path / "a_file", "") / "state")})
    with pytest.raises(NotADirectoryError):
        load_secret(loaded)


@pytest.fixture
def secret_file(home: Home, tmp_path: Path) -> Path:
    return write(tmp_path / "the key", "x" * 32 + "\n")


def refused_secret(file: Path, **environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load_secret(load(None, {"REICHATD_AUTH_SECRET_KEY_FILE": str(file), **environ}))
    [line] = str(caught.value).splitlines()
    assert line.startswith("environment REICHATD_AUTH_SECRET_KEY_FILE: auth.secret_key_file: ")
    return line


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640, 0o440])
def test_a_secret_file_is_read_without_its_end_of_line(secret_file: Path, mode: int) -> None:
    secret_file.chmod(mode)
    assert load_secret(load(None, {"REICHATD_AUTH_SECRET_KEY_FILE": str(secret_file)})) == b"x" * 32


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o660])
def test_a_secret_file_open_to_others_is_refused_and_the_error_says_what_to_run(secret_file: Path, mode: int) -> None:
    secret_file.chmod(mode)
    remedy = refused_secret(secret_file).partition("run: ")[2]
    assert remedy == f"chmod g-w,o= '{secret_file}'"
    assert os.system(remedy) == 0
    assert load_secret(load(None, {"REICHATD_AUTH_SECRET_KEY_FILE": str(secret_file)})) == b"x" * 32


def test_a_credential_may_be_readable_since_systemd_protects_its_directory(secret_file: Path, tmp_path: Path) -> None:
    secret_file.chmod(0o644)
    environ = {"REICHATD_AUTH_SECRET_KEY_FILE": str(secret_file), "CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert load_secret(load(None, environ)) == b"x" * 32
    assert "chmod" in refused_secret(secret_file, CREDENTIALS_DIRECTORY=str(tmp_path / "elsewhere"))
    around = tmp_path / "elsewhere" / ".." / secret_file.name
    (tmp_path / "elsewhere").mkdir()
    assert "chmod" in refused_secret(around, CREDENTIALS_DIRECTORY=str(tmp_path / "elsewhere"))


def test_a_short_secret_is_refused_and_the_error_says_how_to_make_one(secret_file: Path) -> None:
    secret_file.write_text("hunter2" + "\n" * 40)
    secret_file.chmod(0o600)
    line = refused_secret(secret_file)
    assert "with 7 bytes; allowed: 32 or more; to make them: python3 -c" in line
    assert "hunter2" not in line


@pytest.mark.usefixtures("home")
def test_a_secret_file_named_in_the_settings_is_not_made(tmp_path: Path) -> None:
    assert "(No such file or directory)" in refused_secret(tmp_path / "missing")
    assert not (tmp_path / "missing").exists()
