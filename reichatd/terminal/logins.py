"""Logins that are kept from one start to the next, in a file that only its owner can read."""

import tempfile
from pathlib import Path

import msgspec
import platformdirs

from reichatd.terminal.server import Login


def default_file() -> Path:
    return platformdirs.user_state_path("reichatd") / "logins.json"


class Logins:
    """The file. It blocks for as long as a small file takes.

    Errors: OSError from all, where the file or its directory cannot be used.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def of(self, url: str) -> Login | None:
        """The login at a server; None if there is none, or none that can be understood."""
        return self._all().get(url)

    def keep(self, url: str, login: Login | None) -> None:
        """Keeps a login, or forgets it."""
        logins = self._all()
        if login is None:
            logins.pop(url, None)
        else:
            logins[url] = login
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
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
