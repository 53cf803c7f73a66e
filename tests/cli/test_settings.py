"""Loading the settings: the file that is found, the layers, and what is wrong."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from reichatd.cli.settings_loader import Loaded, load
from reichatd.settings import Settings, SettingsError
from reichatd.settings.keys import KEYS, as_toml, assemble, value_of
from reichatd.settings.layers import Layers
from tests.cli.conftest import Home
from tests.cli.settings_samples import document, garbage, valid_values

# The examples write files, and other tests use the same disk and processor.
without_deadline = hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def lines_of(error: SettingsError) -> list[str]:
    return str(error).splitlines()


def refused(config: Path | None = None, /, **environ: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load(config, environ)
    return caught.value


# Finding the file


@pytest.mark.usefixtures("home")
def test_no_settings_are_needed() -> None:
    loaded = load(None, {})
    assert loaded.settings == Settings()
    assert loaded.file is None
    assert set(loaded.sources) == set(KEYS)
    assert set(loaded.sources.values()) == {"default"}


def test_the_first_file_found_is_read(home: Home, tmp_path: Path) -> None:
    places = [tmp_path / "option.toml", tmp_path / "variable.toml", home.user, home.site, home.system]
    for number, path in enumerate(places):
        write(path, f"server.port = {1000 + number}")
    option, environ = places[0], {"REICHATD_CONFIG": str(places[1])}
    found = [load(option, environ).file, load(None, environ).file]
    for path in (home.user, home.site, home.system):
        loaded = load(None, {})
        found.append(loaded.file)
        assert loaded.sources["server.port"] == f"file {path}"
        path.unlink()
    assert found == places
    assert load(None, {}).file is None


def test_an_empty_variable_names_no_file(home: Home) -> None:
    write(home.user, "")
    assert load(None, {"REICHATD_CONFIG": ""}).file == home.user


def test_a_named_file_must_exist(home: Home, tmp_path: Path) -> None:
    write(home.user, "")
    missing = tmp_path / "missing.toml"
    line = f"file {missing}: found nothing to read (No such file or directory); allowed: a TOML file"
    assert lines_of(refused(missing)) == [line]
    assert lines_of(refused(None, REICHATD_CONFIG=str(missing))) == [line]


def test_a_file_that_is_found_must_be_readable(home: Home) -> None:
    home.user.mkdir(parents=True)
    assert lines_of(refused()) == [f"file {home.user}: found nothing to read (Is a directory); allowed: a TOML file"]


# Errors


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"[server]\nport = \n", ", line 2, column 8"),
        (b"[server]\nhost = '\xff'\n", ", line 2, column 9"),
        (b'[server]\nhost = """a\n', ", line 3, column 1"),
        (b"port = 1\nport = 2\n", ", line 2, column 9"),
        (b"a = " + b"[" * 20_000, ""),
        (b"a = " + b"9" * 20_000, ""),
    ],
)
def test_an_error_in_toml_is_reported_with_its_place(tmp_path: Path, content: bytes, where: str) -> None:
    file = tmp_path / "x.toml"
    file.write_bytes(content)
    [line] = lines_of(refused(file))
    assert line.startswith(f"file {file}{where}: found what is not TOML (")


def test_all_errors_are_reported_at_once_with_what_was_found_and_what_is_allowed(tmp_path: Path) -> None:
    text = """
        prot = 80
        log = "debug"
        [server]
        host = "0.0.0.0"
        port = 70000
        insecure = "yes"
        tls_key = "/k"
        [server.max_connections]
        [storage]
        backend = "postgres"
        mongodb.timeout_seconds = 0
        mongodb.database = 5
        [limits]
        mesage_chars = 100
        fetch_ids = 1.5
        nonce_chars = true
        password_min = 200
        [limit]
        [[mail]]
    """
    file = write(tmp_path / "x.toml", text)
    error = refused(file, REICHATD_AUTH_REFRESH_TOKEN_DAYS="seven", REICHATD_SERVER_TRUSTED_PROXIES="a, 10.0.0.1/8")
    reported = {problem.key: (problem.found, problem.allowed) for problem in error.problems}
    proxies = [problem.found for problem in error.problems if problem.key == "server.trusted_proxies"]
    assert proxies == ['"a"', '"10.0.0.1/8"']
    del reported["server.trusted_proxies"]
    assert reported == {
        "prot": ("an unknown key", "server.port is the nearest known one"),
        "log": ("a value", "a table: [log]"),
        "server.port": ("70000", "a whole number from 0 up to 65_535"),
        "server.insecure": ('"yes"', "true or false"),
        "server.max_connections": ("a table", "a whole number from 1 up to 1_000_000_000"),
        "server.tls_cert": ("nothing", "a file: server.tls_cert and server.tls_key go together"),
        "storage.backend": ('"postgres"', '"mongodb" or "sqlite"'),
        "storage.mongodb.timeout_seconds": ("0", "a number above 0 up to 86_400"),
        "storage.mongodb.database": ("5", 'a name of 1 to 63 characters without / \\ . " $ or space'),
        "limits.mesage_chars": ("an unknown key", "limits.message_chars is the nearest known one"),
        "limits.fetch_ids": ("1.5", "a whole number from 1 up to 100_000"),
        "limits.nonce_chars": ("true", "a whole number from 1 up to 1_024"),
        "limits.password_min": ("200", "no more than limits.password_max, which is 128"),
        "limit": ("an unknown table", "limits is the nearest known one"),
        "mail": ("a value", "a table: [mail]"),
        "auth.refresh_token_days": ('"seven"', "a number above 0 up to 3_650"),
    }
    sources = {problem.key: problem.source for problem in error.problems}
    assert sources["auth.refresh_token_days"] == "environment REICHATD_AUTH_REFRESH_TOKEN_DAYS"
    assert sources["limits.password_min"] == f"file {file}"


def test_a_rule_is_not_applied_to_an_invalid_value(tmp_path: Path) -> None:
    file = write(tmp_path / "x.toml", "server = { host = '0.0.0.0', insecur = true }")
    assert [problem.key for problem in refused(file).problems] == ["server.insecur"]
    file = write(tmp_path / "y.toml", "insecure = true; this is no TOML")
    assert [problem.key for problem in refused(file, REICHATD_SERVER_HOST="0.0.0.0").problems] == [""]


def test_a_wrong_value_is_shown_on_one_line_and_shortened(tmp_path: Path) -> None:
    file = write(tmp_path / "x.toml", f'server.port = "a\\u001b\\n{"x" * 1000}"\nlimits.fetch_ids = 0x1{"0" * 9999}')
    first, second = refused(file).problems
    assert first.found.startswith('"a\\u001b\\u000axx')
    assert len(first.found) == 60
    assert second.found == "a number of 39997 bits"


# Layers


def test_the_environment_overrides_the_file_and_new_names_override_older_ones(tmp_path: Path) -> None:
    file = write(
        tmp_path / "x.toml",
        "[auth]\naccess_token_minutes = 1\nrefresh_token_days = 1\nverification_code_minutes = 1\n",
    )
    environ = {
        "ACCESS_TOKEN_EXPIRATION_MINUTES": "2",
        "REFRESH_TOKEN_EXPIRATION_DAYS": "2",
        "REICHATD_AUTH_REFRESH_TOKEN_DAYS": "3",
    }
    loaded = load(file, environ)
    auth = loaded.settings.auth
    assert (auth.verification_code_minutes, auth.access_token_minutes, auth.refresh_token_days) == (1, 2, 3)
    assert loaded.sources["auth.verification_code_minutes"] == f"file {file}"
    assert loaded.sources["auth.access_token_minutes"] == "environment ACCESS_TOKEN_EXPIRATION_MINUTES"
    assert loaded.sources["auth.refresh_token_days"] == "environment REICHATD_AUTH_REFRESH_TOKEN_DAYS"
    assert loaded.sources["server.port"] == "default"


def test_a_wrong_value_in_the_file_is_reported_even_if_the_environment_overrides_it(tmp_path: Path) -> None:
    file = write(tmp_path / "x.toml", "server.port = 'x'")
    assert [problem.source for problem in refused(file, REICHATD_SERVER_PORT="1").problems] == [f"file {file}"]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("REICHATD_SERVER_PORT", " 80 ", 80),
        ("REICHATD_SERVER_DRAIN_SECONDS", "1.5", 1.5),
        ("REICHATD_SERVER_INSECURE", "true", True),
        ("REICHATD_SERVER_INSECURE", "0", False),
        ("REICHATD_SERVER_TRUSTED_PROXIES", "::1, 10.0.0.0/8 ,", ("::1", "10.0.0.0/8")),
        ("REICHATD_SERVER_ALLOWED_ORIGINS", "", ()),
        ("REICHATD_STORAGE_PATH", "/a b", "/a b"),
        ("REICHATD_LOG_LEVEL", "debug", "debug"),
    ],
)
def test_text_from_the_environment_becomes_a_value(variable: str, text: str, value: object) -> None:
    [name] = [name for name, key in KEYS.items() if key.environment == variable]
    assert value_of(load(None, {variable: text}).settings, name) == value


@pytest.mark.usefixtures("home")
def test_bytes_that_are_no_utf8_are_refused(tmp_path: Path) -> None:
    for variable in ("REICHATD_STORAGE_PATH", "REICHATD_SERVER_PORT", "REICHATD_SERVER_INSECURE", "REICHATD_LOG_LEVEL"):
        [problem] = refused(None, **{variable: os.fsdecode(b"\xff")}).problems
        assert problem.found == '"\\udcff"'


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that each example of a test overwrites."""
    return tmp_path_factory.mktemp("settings") / "x.toml"


@without_deadline
@given(valid_values)
def test_settings_in_a_file_are_read_as_written(file: Path, values: dict[str, Any]) -> None:
    write(file, "".join(f"{name} = {as_toml(value)}\n" for name, value in values.items()))
    loaded = load(file, {})
    assert loaded.settings == assemble(values)
    assert {name for name, source in loaded.sources.items() if source != "default"} == set(values)


@without_deadline
@given(valid_values)
def test_settings_in_the_environment_are_read_as_written(file: Path, values: dict[str, Any]) -> None:
    def as_text(value: object) -> str:
        return ",".join(value) if isinstance(value, tuple) else str(value)

    write(file, "")
    loaded = load(file, {KEYS[name].environment: as_text(value) for name, value in values.items()})
    assert loaded.settings == assemble(values)


@without_deadline
@given(garbage)
def test_arbitrary_toml_is_refused_or_is_settings(file: Path, data: dict[str, Any]) -> None:
    layers = Layers()
    layers.put_file(data, "x")
    assert isinstance(layers.settings(), Settings)
    write(file, document(data))
    if layers.problems:
        assert len(refused(file).problems) == len(layers.problems)
    else:
        assert load(file, {}).settings == layers.settings()


@without_deadline
@given(st.binary() | st.text().map(str.encode))
def test_arbitrary_bytes_are_refused_or_are_settings(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    try:
        assert isinstance(load(file, {}), Loaded)
    except SettingsError as error:
        assert len(lines_of(error)) == len(error.problems)  # noqa: PT017 - both outcomes are allowed


SECRET = "hunter2-is-22-bytes-ok"


@pytest.mark.parametrize(
    ("text", "environ"),
    [
        (f"auth.secret_key = '{SECRET}'", {}),
        (f"auth.secret_key = ['{SECRET}']", {}),
        (f"auth.secret_key = {{ a = '{SECRET}' }}", {}),
        (f"auth.secret_kye = '{SECRET}'", {}),
        (f"auth = '{SECRET}'", {}),
        (f"secret_key = '{SECRET}'", {}),
        (f"secret.key = '{SECRET}'", {}),
        (f"[server]\nhost = {SECRET}", {}),
        (f"storage.mongodb = 'mongodb://u:{SECRET}@h'", {}),
        (f"storage.mongodb.uri = 'http://u:{SECRET}@h'", {}),
        (f"storage.uri = 'mongodb://u:{SECRET}@h'", {}),
        (f"mail.password = '{SECRET}'", {}),
        ("", {"SECRET_KEY": SECRET}),
        ("", {"REICHATD_AUTH_SECRET_KEY": SECRET}),
        ("", {"REICHATD_AUTH_SECRET_KYE": SECRET}),
        ("", {"REICHATD_STORAGE_MONGODB_URI": f"u:{SECRET}@h"}),
        ("", {"MONGODB_URI": f"u:{SECRET}@h"}),
        ("", {"MONGODB_PASSWORD": SECRET}),
    ],
)
def test_no_error_shows_a_secret(file: Path, text: str, environ: dict[str, str]) -> None:
    error = refused(write(file, text), **environ)
    assert SECRET not in f"{error} {error!r} {error.problems!r}"


def test_the_repr_of_loaded_settings_shows_no_secret(file: Path) -> None:
    environ = {"SECRET_KEY": SECRET * 2, "MONGODB_USERNAME": "u", "MONGODB_PASSWORD": SECRET}
    loaded = load(write(file, ""), environ)
    assert loaded.settings.auth.secret_key == SECRET * 2
    assert SECRET in loaded.settings.storage.mongodb.uri
    assert SECRET not in repr(loaded)


# Paths


def test_the_data_is_in_the_users_directory_and_the_secret_beside_it(home: Home) -> None:
    paths = load(None, {}).paths
    assert (paths.data_file, paths.secret_file) == (home.data / "reichatd.sqlite3", home.data / "secret.key")
    paths = load(None, {"REICHATD_STORAGE_PATH": "/srv/chat.db"}).paths
    assert (paths.data_file, paths.secret_file) == (Path("/srv/chat.db"), Path("/srv/secret.key"))
    paths = load(None, {"REICHATD_STORAGE_PATH": "/srv/chat.db", "MONGODB_HOST": "db"}).paths
    assert paths.secret_file == home.data / "secret.key"
    paths = load(None, {"REICHATD_AUTH_SECRET_KEY_FILE": "/srv/key"}).paths
    assert (paths.data_file, paths.secret_file) == (home.data / "reichatd.sqlite3", Path("/srv/key"))


@pytest.mark.usefixtures("home")
def test_systemd_names_the_directory_of_the_data() -> None:
    environ = {"STATE_DIRECTORY": "/var/lib/reichatd:/var/lib/other", "CREDENTIALS_DIRECTORY": "/run/credentials/x"}
    paths = load(None, environ).paths
    assert paths.data_file == Path("/var/lib/reichatd/reichatd.sqlite3")
    assert paths.secret_file == Path("/var/lib/reichatd/secret.key")
    assert paths.credentials == Path("/run/credentials/x")


def test_without_a_home_directory_the_path_of_the_data_must_be_set(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(_name: str) -> Path:
        raise RuntimeError("could not determine the home directory")  # as platformdirs does for the user of a service

    monkeypatch.setattr("platformdirs.user_config_path", homeless)
    monkeypatch.setattr("platformdirs.user_data_path", homeless)
    assert load(None, {"STATE_DIRECTORY": "/var/lib/reichatd"}).file is None
    with pytest.raises(SettingsError, match=r"storage\.path.*no home directory"):
        load(None, {})
    assert load(None, {"REICHATD_STORAGE_PATH": "/srv/chat.sqlite3"}).paths.secret_file == Path("/srv/secret.key")
