"""Loads the settings: finds the settings file, and reads it, the environment and systemd's credentials. No other module does."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import click
import msgspec
import platformdirs

from reichatd.cli import exit_status
from reichatd.settings import Settings, SettingsError, SettingsProblem
from reichatd.settings.environment import CONFIG_VARIABLE, read_environment
from reichatd.settings.layers import Layers
from reichatd.store.backends import backend_for

SYSTEM_DIRECTORY = Path("/etc/reichatd")
"""The last directory in which a settings file is looked for; a service uses it."""

_FILE_NAME = "reichatd.toml"
_CREDENTIALS = {
    "auth.secret_key_file": "secret.key",
    "auth.oidc.client_secret_file": "oidc-secret",
    "mail.password_file": "mail-password",
}
"""The names of the credentials that can stand for these keys, as in the unit."""

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Use this settings file, not the one that is found.",
)


class Paths(msgspec.Struct, frozen=True):
    """The paths of the daemon's own files.

    Arguments:
        data_file: the SQLite file; not used with MongoDB.
        secret_file: the secret that signs tokens; not used if the settings contain the secret.
        control_socket: the socket through which commands reach the daemon; None for none.
        credentials: systemd's directory of credentials. systemd protects it.
    """

    data_file: Path
    secret_file: Path
    control_socket: Path | None
    credentials: Path | None


class Loaded(msgspec.Struct, frozen=True):
    """The settings that were loaded.

    Arguments:
        sources: the source of each key's value, by the full name of the key: "default", "credential NAME", "file PATH" or
            "environment NAME".
        file: the file that was read; None for none.
    """

    settings: Settings
    sources: dict[str, str]
    file: Path | None
    paths: Paths


def load(config: Path | None, environ: Mapping[str, str]) -> Loaded:
    """Loads the settings from systemd's credentials, a file and the environment. A later source overrides an earlier one.

    Arguments:
        config: the file to read. None for the file that the environment names, or else the first one that exists in the usual
            directories, if any.
        environ: the environment variables.

    Raises:
        SettingsError: the settings are not valid; the error lists all problems.
    """
    layers, file = _gather(config, environ)
    settings = layers.settings()
    if layers.problems:
        raise SettingsError(*layers.problems)
    return Loaded(settings, layers.sources, file, _paths(settings, environ))


def find_control_socket(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The control socket of a daemon with these settings, or None for none. Other settings may be invalid.

    Arguments: as for `load`.

    Raises:
        SettingsError: the path depends on the user's home directory, and there is none.
    """
    layers, _ = _gather(config, environ)
    return _paths(layers.settings(), environ).control_socket


def _gather(config: Path | None, environ: Mapping[str, str]) -> tuple[Layers, Path | None]:
    """All sources in layers, and the file that was read; None for none."""
    layers = Layers()
    _read_credentials(environ, layers)
    file = config or _file_named_in(environ) or _first_file()
    if file is not None:
        _read_file(file, layers)
    layers.put_environment(*read_environment(environ))
    return layers, file


def load_or_fail(config: Path | None) -> Loaded:
    """As `load`, for a command: prints each problem as a line on standard error, and ends the program."""
    try:
        return load(config, os.environ)
    except SettingsError as error:
        exit_status.fail(exit_status.CONFIGURATION, *map(str, error.problems))


def _file_named_in(environ: Mapping[str, str]) -> Path | None:
    name = environ.get(CONFIG_VARIABLE)
    return Path(name) if name else None


def _read_credentials(environ: Mapping[str, str], layers: Layers) -> None:
    """Finds the secrets that systemd passes in files (systemd.exec(5), LoadCredential). Each sets the key that names such a file.

    A blank credential counts as none. That is how the unit makes the file optional.
    """
    directory = environ.get("CREDENTIALS_DIRECTORY")
    for key, name in _CREDENTIALS.items() if directory else ():
        path = Path(directory or "", name)
        try:
            blank = not path.read_bytes().strip()
        except FileNotFoundError:
            continue
        except OSError as error:
            # Without the credential the daemon would make a new secret, which logs everybody out.
            found, allowed = f"{path} ({error.strerror})", "a credential that can be read, or none (LoadCredential)"
            layers.problems.append(SettingsProblem(key, found, allowed, f"credential {name}"))
        else:
            if not blank:
                layers.put_credential(key, str(path))


def _directories() -> Iterator[Path]:
    """The directories in which a settings file is looked for, in this order."""
    with suppress(RuntimeError):  # The user of a service may have no home directory.
        yield platformdirs.user_config_path("reichatd")
    yield platformdirs.site_config_path("reichatd")
    yield SYSTEM_DIRECTORY


def place_for_file(environ: Mapping[str, str]) -> tuple[Path, bool]:
    """The settings file that is found, or the path where one would be found first; and whether the file exists."""
    found = _file_named_in(environ) or _first_file()
    return (found, os.path.lexists(found)) if found else (next(_directories()) / _FILE_NAME, False)


def _first_file() -> Path | None:
    for directory in _directories():
        path = directory / _FILE_NAME
        with suppress(OSError):  # It does not exist, or the home directory is hidden (systemd's ProtectHome).
            path.stat()
            return path
    return None


def _read_file(path: Path, layers: Layers) -> None:
    source = f"file {path}"
    try:
        content = path.read_bytes()
    except OSError as error:
        layers.put_broken_file(SettingsProblem("", f"nothing to read ({error.strerror})", "a TOML file", source))
        return
    try:
        data = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        what, where = _syntax_error(error, content)
        layers.put_broken_file(SettingsProblem("", f"what is not TOML ({what})", "a TOML file", source + where))
    else:
        layers.put_file(data, str(path))


def _syntax_error(error: ValueError | RecursionError, content: bytes) -> tuple[str, str]:
    """Why a file is not TOML, and the place in it."""
    if isinstance(error, RecursionError):
        return "brackets nested too deeply", ""
    if isinstance(error, UnicodeDecodeError):
        return "a byte that is not UTF-8", _position(content[: error.start].decode())
    what, _, where = str(error).removesuffix(")").partition(" (at ")
    return what, _position(content.decode()) if where == "end of document" else f", {where}" if where else ""


def _position(text_before: str) -> str:
    lines = text_before.split("\n")
    return f", line {len(lines)}, column {len(lines[-1]) + 1}"


def _paths(settings: Settings, environ: Mapping[str, str]) -> Paths:
    storage, named = settings.storage, settings.auth.secret_key_file
    data_file = Path(storage.path) if storage.path else _data_directory(environ) / "reichatd.sqlite3"
    beside = data_file.parent if backend_for(storage, data_file).file else _data_directory(environ)
    secret_file = Path(named) if named else beside / "secret.key"
    control = settings.server.control_socket
    control_socket = beside / "control.sock" if control == "auto" else Path(control) if control else None
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    return Paths(data_file, secret_file, control_socket, Path(credentials) if credentials else None)


def _data_directory(environ: Mapping[str, str]) -> Path:
    """The directory of the daemon's files, unless the settings name another."""
    state = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if state:
        return Path(state)
    try:
        return platformdirs.user_data_path("reichatd")
    except RuntimeError:
        raise SettingsError(
            SettingsProblem("storage.path", '"", and this user has no home directory', "the path of a file", "default")
        ) from None
