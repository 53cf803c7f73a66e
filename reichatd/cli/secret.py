"""Reads the secret that signs tokens, or makes it at the first start."""

import os
import secrets
import shlex
import stat
from contextlib import suppress
from pathlib import Path

from reichatd.cli.private_files import create_private
from reichatd.cli.settings_loader import Loaded
from reichatd.settings import SettingsError, SettingsProblem
from reichatd.settings.rules import MAKE_SECRET, SECRET_BYTES


def load_secret(loaded: Loaded) -> bytes:
    """The secret that signs tokens. Waits for the disk.

    It is `auth.secret_key`, if that is set, or else the content of the secret file. If the settings name no such file, and the
    default file does not exist, the file is made: 256 bits, with mode 0600.

    Raises:
        SettingsError: the file is missing, unreadable, open to other users, or too short.
        OSError: the default file cannot be made.
    """
    auth = loaded.settings.auth
    if auth.secret_key:
        return auth.secret_key.encode()
    if not auth.secret_key_file and not loaded.paths.secret_file.exists():
        _make_secret(loaded.paths.secret_file)
    return _read_secret(loaded)


def place_of_secret(loaded: Loaded) -> str:
    """Where the secret comes from, in words."""
    return loaded.sources["auth.secret_key"] if loaded.settings.auth.secret_key else str(loaded.paths.secret_file)


def _make_secret(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The file is complete before it gets its name: another daemon that starts at the same time never reads a part of a secret.
    unnamed = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    file = create_private(unnamed)
    try:
        with file:
            file.write(f"{secrets.token_hex(SECRET_BYTES)}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # Another daemon was faster; its secret is valid.
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
    # The group may read it, so that the file can belong to root, and the daemon's group reads it.
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
