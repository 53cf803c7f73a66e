"""Logins that are kept from one start to the next, in a file that only its owner can read."""

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
    """The file. It blocks for as long as a small file takes, and as others who change it at the same time.

    A key is the URL of a server: the login of the person who chats there. `of_account` makes that of one account among several.

    Errors: OSError from all, where the file or its directory cannot be used.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def of(self, key: str) -> Login | None:
        """The login that is kept; None if there is none, or none that can be understood."""
        return self._all().get(key)

    def of_account(self, url: str, email: str) -> str:
        """The key of an account's login at a server: the server's own key if that is this account's, else one beside it."""
        login = self.of(url)
        return url if login is not None and login.email == email else f"{email} {url}"

    def keep(self, key: str, login: Login | None) -> None:
        """Keeps a login, or forgets it."""
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(self._file.parent):
            logins = self._all()
            if login is None:
                logins.pop(key, None)
            else:
                logins[key] = login
            self._write(logins)

    def _write(self, logins: dict[str, Login]) -> None:
        # Made readable for its owner only: there is no moment in which others could open it.
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
def _alone(directory: Path) -> Iterator[None]:
    """Keeps others out who would change the file from what it was before: scripts post at the same minute."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
