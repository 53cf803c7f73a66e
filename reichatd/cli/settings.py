"""Where the settings come from: a file and the environment, read here and nowhere else."""

import os
import secrets
import shlex
import stat
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
from reichatd.settings.rules import MAKE_SECRET, SECRET_BYTES
from reichatd.store.backends import backend_for

SYSTEM_DIRECTORY = Path("/etc/reichatd")
"""Where a service looks last."""

_FILE_NAME = "reichatd.toml"
_CREDENTIALS = {"auth.secret_key_file": "secret.key", "mail.password_file": "mail-password"}
"""Under which names the unit hands them over."""

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The settings file, in place of the one that would be found.",
)


class Paths(msgspec.Struct, frozen=True):
    """Where the daemon keeps what is its own.

    Arguments:
        data_file: the SQLite file; not used with MongoDB.
        secret_file: the secret that tokens are signed with, unless the settings hold it themselves.
        control_socket: by which commands reach the daemon; None for none.
        credentials: systemd's directory of credentials, which it guards by itself.
    """

    data_file: Path
    secret_file: Path
    control_socket: Path | None
    credentials: Path | None


class Loaded(msgspec.Struct, frozen=True):
    """The settings in force.

    Arguments:
        sources: where each key's value is from, by its full name: "default", "credential NAME", "file PATH" or "environment
            NAME".
        file: the file that was read, if there is one.
    """

    settings: Settings
    sources: dict[str, str]
    file: Path | None
    paths: Paths


def load(config: Path | None, environ: Mapping[str, str]) -> Loaded:
    """Reads the settings from systemd's credentials, a file and the environment; what is said last wins.

    Arguments:
        config: the file to read; None: the one that the environment names, or the first one in the usual places, if any.

    Errors:
        SettingsError: with everything that is wrong with them.
    """
    layers, file = _gather(config, environ)
    settings = layers.settings()
    if layers.problems:
        raise SettingsError(*layers.problems)
    return Loaded(settings, layers.sources, file, _paths(settings, environ))


def find_control_socket(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Where a daemon with these settings listens for commands, also if there is something wrong with the rest of them.

    None for nowhere; arguments as for `load`.

    Errors:
        SettingsError: there is no telling.
    """
    layers, _ = _gather(config, environ)
    return _paths(layers.settings(), environ).control_socket


def _gather(config: Path | None, environ: Mapping[str, str]) -> tuple[Layers, Path | None]:
    """All layers, and the file that was read, if there is one."""
    layers = Layers()
    _read_credentials(environ, layers)
    file = config or _file_named_in(environ) or _first_file()
    if file is not None:
        _read_file(file, layers)
    layers.put_environment(*read_environment(environ))
    return layers, file


def load_or_fail(config: Path | None) -> Loaded:
    """`load` for a command: what is wrong goes to standard error, a line each, and ends the program."""
    try:
        return load(config, os.environ)
    except SettingsError as error:
        exit_status.fail(exit_status.CONFIGURATION, *map(str, error.problems))


def load_secret(loaded: Loaded) -> bytes:
    """The secret that tokens are signed with; waits for the disk.

    It is `auth.secret_key` if that is set, else what the secret file holds. If no file is named and the default one is not there
    yet, it is made: 256 bits, for its owner only.

    Errors:
        SettingsError: the file is missing, cannot be read, is open to others or holds too little.
        OSError: the default file cannot be made.
    """
    auth = loaded.settings.auth
    if auth.secret_key:
        return auth.secret_key.encode()
    if not auth.secret_key_file and not loaded.paths.secret_file.exists():
        _make_secret(loaded.paths.secret_file)
    return _read_secret(loaded)


def _make_secret(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Whole before it has its name: whoever finds the file, even another daemon just starting, finds a secret in it.
    unnamed = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(unnamed, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "w") as file:
            file.write(secrets.token_hex(SECRET_BYTES) + "\n")
            file.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):  # Another daemon was first, and its secret is the one.
            os.link(unnamed, path)
    finally:
        unnamed.unlink()


def _read_secret(loaded: Loaded) -> bytes:
    path = loaded.paths.secret_file
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            secret = file.read().rstrip(b"\r\n")
    except OSError as error:
        raise _secret_error(loaded, f"{path} ({error.strerror})", "a file that the daemon may read") from error
    # The group may read it: that is how root owns a file and the daemon's group reads it.
    if mode & 0o027 and not _is_credential(path, loaded.paths.credentials):
        command = f"chmod g-w,o= {shlex.quote(str(path))}"
        raise _secret_error(loaded, f"{path}, open to others (mode {mode:04o})", f"a file that is not; run: {command}")
    if len(secret) < SECRET_BYTES:
        raise _secret_error(
            loaded, f"{path} with {len(secret)} bytes", f"{SECRET_BYTES} or more; to make them: {MAKE_SECRET}"
        )
    return secret


def _is_credential(path: Path, credentials: Path | None) -> bool:
    return credentials is not None and path.resolve().is_relative_to(credentials.resolve())


def _secret_error(loaded: Loaded, found: str, allowed: str) -> SettingsError:
    key = "auth.secret_key_file"
    return SettingsError(SettingsProblem(key, found, allowed, loaded.sources[key]))


def _file_named_in(environ: Mapping[str, str]) -> Path | None:
    name = environ.get(CONFIG_VARIABLE)
    return Path(name) if name else None


def _read_credentials(environ: Mapping[str, str], layers: Layers) -> None:
    """The secrets that systemd passes in files (systemd.exec(5), LoadCredential) stand for the keys that would name such files.

    A blank one counts as none: so a unit says that a file need not be there.
    """
    directory = environ.get("CREDENTIALS_DIRECTORY")
    for key, name in _CREDENTIALS.items() if directory else ():
        path = Path(directory or "", name)
        try:
            blank = not path.read_bytes().strip()
        except FileNotFoundError:
            continue
        except OSError as error:
            # To go on without would make a new secret, which logs everybody out.
            found, allowed = f"{path} ({error.strerror})", "a credential that can be read, or none (LoadCredential)"
            layers.problems.append(SettingsProblem(key, found, allowed, f"credential {name}"))
        else:
            if not blank:
                layers.put_credential(key, str(path))


def _directories() -> Iterator[Path]:
    """Where a settings file is looked for."""
    with suppress(RuntimeError):  # The user of a service may have no home.
        yield platformdirs.user_config_path("reichatd")
    yield platformdirs.site_config_path("reichatd")
    yield SYSTEM_DIRECTORY


def place_for_file(environ: Mapping[str, str]) -> tuple[Path, bool]:
    """The settings file that is found, or where one would be found first; and whether it is there."""
    found = _file_named_in(environ) or _first_file()
    return (found, os.path.lexists(found)) if found else (next(_directories()) / _FILE_NAME, False)


def _first_file() -> Path | None:
    for directory in _directories():
        path = directory / _FILE_NAME
        with suppress(OSError):  # Not there, or in a home that is closed to us, as systemd's ProtectHome does.
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
    """What is wrong with a file that is no TOML, and where."""
    if isinstance(error, RecursionError):
        return "brackets in brackets, too deep", ""
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
    """Where the daemon's own files are if nobody says."""
    state = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if state:
        return Path(state)
    try:
        return platformdirs.user_data_path("reichatd")
    except RuntimeError:
        raise SettingsError(
            SettingsProblem("storage.path", '"", and this user has no home directory', "the path of a file", "default")
        ) from None
