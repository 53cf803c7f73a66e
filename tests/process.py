"""The daemon and its commands as real processes."""

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

from tests.unlimited import UNLIMITED_ENVIRONMENT

READY = re.compile(r"listens on (?:https?://\S+?:(\d+)(?=\s)|unix:)")
_CODE = re.compile(r"^    (\d{6})$", re.MULTILINE)
START_SECONDS = 30.0
COMMAND_SECONDS = 120.0
PROGRAM = [sys.executable, "-W", "error", "-m", "reichatd"]
COMMAND = [*PROGRAM, "serve"]


def environment(directory: Path, settings: dict[str, str]) -> dict[str, str]:
    """The environment of a process whose files are in `directory`, without variables of this process that are settings.

    There are no limits on clients, unless the settings have them.
    """
    ours = ("REICHATD_", "MONGODB_", "SECRET_KEY", "STATE_DIRECTORY", "CREDENTIALS_DIRECTORY")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
        "HOME": str(directory),
        "XDG_DATA_HOME": str(directory / "share"),
        "XDG_CONFIG_HOME": str(directory / "config"),
        "PYTHONUNBUFFERED": "1",
        **UNLIMITED_ENVIRONMENT,
        **settings,
    }


def data_file(directory: Path) -> Path:
    """The SQLite file of a process with `environment(directory, …)`, unless a setting names another."""
    return directory / "share" / "reichatd" / "reichatd.sqlite3"


def run_command(
    directory: Path,
    settings: dict[str, str],
    *arguments: str | Path,
    prefix: Sequence[str] = (),
    stdin: str = "",
    seconds: float = COMMAND_SECONDS,
) -> subprocess.CompletedProcess[str]:
    """Runs `reichatd ARGUMENTS` to its end, with its files in `directory` and without a terminal. Blocks.

    Arguments:
        settings: environment variables (REICHATD_…).
        prefix: put before the command, for example `Disk.prefix`.
        seconds: how long it may take.
    """
    return subprocess.run(
        [*prefix, *PROGRAM, *map(str, arguments)],
        env=environment(directory, settings),
        cwd=directory,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def refusal(directory: Path, settings: dict[str, str], prefix: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Runs `reichatd serve` where it cannot start. Blocks until it has ended; the arguments are those of `run_command`."""
    environ = {"REICHATD_SERVER_PORT": "0", **settings}
    return run_command(directory, environ, "serve", prefix=prefix, seconds=START_SECONDS)


def _passing(listener: socket.socket) -> list[str]:
    """The start of a command that passes this socket as file descriptor 3; see sd_listen_fds(3)."""
    script = f'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@" 3<&{listener.fileno()}'
    return ["bash", "-c", script, "bash"]


class DaemonProcess:
    """`reichatd serve` with its files in its own directory.

    Arguments:
        directory: for the data, the secret and the output. Existing files are used.
        environ: settings (REICHATD_…) beyond those that every test needs.
        port: 0 for a free one, which the next start of this object keeps.
        listener: a listening socket in place of a port, passed to each process as a service manager does it.
        prefix: put before the command, for example `Disk.prefix`.
    """

    def __init__(
        self,
        directory: Path,
        environ: dict[str, str] | None = None,
        port: int = 0,
        listener: socket.socket | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        self.directory = directory
        self.port = port
        self.settings = environ or {}
        self._listener = listener
        self._prefix = prefix
        self._output = directory / "output"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        """Everything written since the first start, to standard output and standard error."""
        return self._output.read_text(errors="replace") if self._output.exists() else ""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def codes(self) -> list[str]:
        """The verification codes that the console mailer has printed."""
        return _CODE.findall(self.output)

    def code_for(self, address: str) -> str | None:
        """The code in the last mail to this address that the console mailer has printed; None if there is none yet."""
        _, found, mail = self.output.rpartition(f"To:      {address}\n")
        match = _CODE.search(mail) if found else None
        return match and match[1]

    async def start(self) -> None:
        """Starts the daemon and waits until it prints that it listens."""
        began = len(self.output)
        self.spawn()
        with trio.fail_after(START_SECONDS):
            while not (match := READY.search(self.output, began)):
                assert self.poll() is None, self.output
                await trio.sleep(0.01)
        self.port = int(match[1] or 0)

    def spawn(self) -> None:
        """Starts the daemon without waiting."""
        environ = {"REICHATD_SERVER_PORT": str(self.port), **self.settings}
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                [*self._prefix, *([] if self._listener is None else _passing(self._listener)), *COMMAND],
                pass_fds=() if self._listener is None else [self._listener.fileno()],
                env=environment(self.directory, environ),
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def poll(self) -> int | None:
        """The exit status; None while the daemon runs."""
        assert self._process is not None
        return self._process.poll()

    async def wait(self, seconds: float = 30.0) -> int:
        """Waits until the daemon has ended; returns the exit status."""
        assert self._process is not None
        with trio.fail_after(seconds):
            while (status := self._process.poll()) is None:  # noqa: ASYNC110 - another process
                await trio.sleep(0.01)
        return status

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal, if the daemon still runs."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)

    async def stop(self) -> int:
        """Sends SIGTERM and waits; returns the exit status."""
        self.signal(signal.SIGTERM)
        return await self.wait()

    def kill(self) -> None:
        """Sends SIGKILL, if the daemon still runs; returns when it has ended."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@asynccontextmanager
async def started(process: DaemonProcess) -> AsyncIterator[DaemonProcess]:
    """Runs a daemon during the block and stops it at the end. If the block succeeds, the exit status must be 0.

    The block may stop, kill and restart the daemon.
    """
    try:
        await process.start()
        yield process
        if process.poll() is None:
            assert await process.stop() == 0, process.output
    finally:
        process.kill()


@asynccontextmanager
async def running(directory: Path, prefix: Sequence[str] = (), **environ: str) -> AsyncIterator[DaemonProcess]:
    """As `started`, for a new daemon on a free port with these settings; the arguments are those of `DaemonProcess`."""
    async with started(DaemonProcess(directory, environ, prefix=prefix)) as process:
        yield process
