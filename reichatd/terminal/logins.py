"""Saves logins in a file that only its owner can read."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import platformdirs

from reichatd.terminal.client import Login


def default_file() -> Path:
    return platformdirs.user_state_path("reichatd") / "logins.json"


class Logins:
    """The file. Its methods block while they read or write it, and while another process writes it.

    The key of the user's own login is the URL of the server. `key_of_account` gives the key of one account among several.

    Errors: all methods raise OSError if the file or its directory cannot be used.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def of(self, key: str) -> Login | None:
        """The saved login; None if there is none, or the file is malformed."""
        return self._all().get(key)

    def key_of_account(self, url: str, email: str) -> str:
        """The key of an account's login at a server: the URL if the user's own login is this account's, else a separate key."""
        login = self.of(url)
        return url if login is not None and login.email == email else f"{email} {url}"

    def save(self, key: str, login: Login | None) -> None:
        """Saves a login; None deletes it."""
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(self._file.parent):
            logins = self._all()
            if login is None:
                logins.pop(key, None)
            else:
                logins[key] = login
            self._write(logins)

    def _write(self, logins: dict[str, Login]) -> None:
        # mkstemp creates it readable for its owner only: at no time can others open it.
        descriptor, name = tempfile.mkstemp(dir=self._file.parent, prefix=f"{self._file.name}.")
        try:
            with open(descriptor, "wb") as file:
                file.write(msgspec.json.encode(logins))
            Path(name).replace(self._file)
        except BaseException:
            Path(name).unlink()
            raise

    def _all(self) -> dict[str, Login]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, Login])
        except (FileNotFoundError, msgspec.DecodeError):
            return {}


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Locks out other writers, whose changes would be lost otherwise: many scripts run at the same minute."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
