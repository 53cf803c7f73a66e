"""Runs commands as a person or a script does: as real processes, with a home directory for the test."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.process import environment

PROGRAM = [sys.executable, "-W", "error", "-m", "reichatd"]
SECONDS = 60.0
INTERRUPT = "\x03"
"""The character that a terminal sends for Ctrl+C."""
WITHOUT_PRIVILEGE = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
CHEAP = {"REICHATD_AUTH_ARGON2_MEMORY_KIB": "8", "REICHATD_AUTH_ARGON2_TIME_COST": "1"}


class Commands:
    """Runs commands in a directory, which also has the data. `settings` are variables of the environment."""

    def __init__(self, directory: Path, settings: dict[str, str] | None = None) -> None:
        self.directory = directory
        self._settings = CHEAP | (settings or {})

    @property
    def environ(self) -> dict[str, str]:
        return environment(self.directory, self._settings)

    @property
    def data(self) -> Path:
        return self.directory / "share" / "reichatd"

    def call(self, *arguments: str, stdin: str = "", privileged: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end, without a terminal. It never prints a traceback.

        Arguments:
            privileged: False takes away root's privilege to ignore the modes of files.
        """
        done = subprocess.run(
            [*([] if privileged else WITHOUT_PRIVILEGE), *PROGRAM, *arguments],
            env=self.environ,
            cwd=self.directory,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert "Traceback" not in done.stderr
        return done

    def run(
        self, *arguments: str, status: int = 0, stdin: str = "", privileged: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """As `call`. The command must end with this exit status."""
        done = self.call(*arguments, stdin=stdin, privileged=privileged)
        assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
        return done

    def json(self, *arguments: str, stdin: str = "") -> Any:  # noqa: ANN401 - JSON
        """The JSON that a command prints."""
        return json.loads(self.run(*arguments, "--json", stdin=stdin).stdout)

    def add(self, name: str) -> str:
        """Adds a user. Returns the id."""
        user_id: str = self.json("user", "add", f"{name}@example.org", name, "--generate")["user_id"]
        return user_id

    def at_terminal(self, *arguments: str, typed: Sequence[tuple[str, str]] = ()) -> tuple[int, str]:
        """Runs a command at a terminal. Returns its exit status, and everything that the terminal showed.

        Arguments:
            typed: pairs: the text that a person waits for, and what the person then types.
        """
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [*PROGRAM, *arguments],
            env=self.environ | {"TERM": "xterm", "COLUMNS": "200"},
            cwd=self.directory,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_own_terminal,
        )
        os.close(theirs)
        try:
            seen = _type(ours, list(typed))
            return process.wait(SECONDS), seen
        finally:
            process.kill()
            process.wait()
            os.close(ours)


def _type(terminal: int, typed: list[tuple[str, str]]) -> str:
    seen, searched, pressed = "", 0, ""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 2.0)[0]:
            if pressed == INTERRUPT:
                # Python loses an interrupt that comes just before it reads a line. A person presses the keys again.
                os.write(terminal, pressed.encode())
            continue
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # the other end was closed
            return seen
        seen += chunk.decode(errors="replace")
        if typed and (found := seen.find(typed[0][0], searched)) >= 0:
            searched = found + len(typed[0][0])
            pressed = typed.pop(0)[1]
            os.write(terminal, pressed.encode())
    raise AssertionError(f"the command did not end in {SECONDS:g} s: {seen}")


def _own_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
