"""A real daemon in a process of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio

READY = re.compile(r"listens on (?:https?://\S+?:(\d+)(?=\s)|unix:)")
_CODE = re.compile(r"^    (\d{6})$", re.MULTILINE)
START_SECONDS = 30.0
COMMAND = [sys.executable, "-W", "error", "-m", "reichatd", "serve"]


def environment(directory: Path, settings: dict[str, str]) -> dict[str, str]:
    """The environment of a daemon with its files in `directory`: nothing of our own that could be a setting."""
    ours = ("REICHATD_", "MONGODB_", "SECRET_KEY", "STATE_DIRECTORY", "CREDENTIALS_DIRECTORY")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
        "HOME": str(directory),
        "XDG_DATA_HOME": str(directory / "share"),
        "XDG_CONFIG_HOME": str(directory / "config"),
        "PYTHONUNBUFFERED": "1",
        **settings,
    }


def refusal(directory: Path, settings: dict[str, str], inside: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """`reichatd serve` where it cannot start; blocks until it has ended.

    Arguments:
        inside: what the command is to be given to, such as `Disk.inside`.
    """
    return subprocess.run(
        [*inside, *COMMAND],
        env=environment(directory, {"REICHATD_SERVER_PORT": "0", **settings}),
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )


def _passing(listener: socket.socket) -> list[str]:
    """The beginning of a command that gets this socket as file descriptor 3; see sd_listen_fds(3)."""
    script = f'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@" 3<&{listener.fileno()}'
    return ["bash", "-c", script, "bash"]


class DaemonProcess:
    """`reichatd serve` with its files in a directory of its own.

    Arguments:
        directory: for the data, the secret and the output; what is there already is used.
        environ: settings (REICHATD_…) beyond those that a test needs anyway.
        port: 0 for a free one, which the next start with this object keeps.
        listener: in place of a port: a listening socket, passed to each process as a service manager does it.
        inside: what the command is to be given to, such as `Disk.inside`.
    """

    def __init__(
        self,
        directory: Path,
        environ: dict[str, str] | None = None,
        port: int = 0,
        listener: socket.socket | None = None,
        inside: Sequence[str] = (),
    ) -> None:
        self.directory = directory
        self.port = port
        self.settings = environ or {}
        self._listener = listener
        self._inside = inside
        self._output = directory / "output"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        """All that it has written since it was first started, to standard output and standard error."""
        return self._output.read_text(errors="replace") if self._output.exists() else ""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def codes(self) -> list[str]:
        """The verification codes that the console mailer has printed."""
        return _CODE.findall(self.output)

    def code_for(self, address: str) -> str | None:
        """The code in the last letter to this address that the console mailer has printed; None if there is none yet."""
        _, found, letter = self.output.rpartition(f"To:      {address}\n")
        match = _CODE.search(letter) if found else None
        return match and match[1]

    async def start(self) -> None:
        """Starts it and waits until it says that it listens."""
        began = len(self.output)
        self.spawn()
        with trio.fail_after(START_SECONDS):
            while not (match := READY.search(self.output, began)):
                assert self.poll() is None, self.output
                await trio.sleep(0.01)
        self.port = int(match[1] or 0)

    def spawn(self) -> None:
        """Starts it, as it would be from a shell."""
        environ = {"REICHATD_SERVER_PORT": str(self.port), **self.settings}
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                [*self._inside, *([] if self._listener is None else _passing(self._listener)), *COMMAND],
                pass_fds=() if self._listener is None else [self._listener.fileno()],
                env=environment(self.directory, environ),
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def poll(self) -> int | None:
        """The exit status, None while it runs."""
        assert self._process is not None
        return self._process.poll()

    async def wait(self, seconds: float = 30.0) -> int:
        """Waits for its end and returns the exit status."""
        assert self._process is not None
        with trio.fail_after(seconds):
            while (status := self._process.poll()) is None:  # noqa: ASYNC110 - another process
                await trio.sleep(0.01)
        return status

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)

    async def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.signal(signal.SIGTERM)
        return await self.wait()

    def kill(self) -> None:
        """SIGKILL; returns when it is dead."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@asynccontextmanager
async def running(directory: Path, inside: Sequence[str] = (), **environ: str) -> AsyncIterator[DaemonProcess]:
    """A daemon that is running, and stops in the end. `environ` are settings; the exit status must be 0."""
    process = DaemonProcess(directory, environ, inside=inside)
    try:
        await process.start()
        yield process
        if process.poll() is None:
            assert await process.stop() == 0, process.output
    finally:
        process.kill()
