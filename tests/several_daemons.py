"""Three daemons on one store as one server, with one address."""

import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import trio

from tests.client import Person
from tests.process import DaemonProcess, running, started

COUNT = 3
SECRET = {"SECRET_KEY": "the same for all, so that each accepts the tokens of the others"}


def through(daemon: DaemonProcess, person: Person) -> Person:
    """The same user, as a client of another daemon."""
    other = Person(daemon.url, person.name, person.email)
    other.user_id, other.access_token = person.user_id, person.access_token
    return other


@asynccontextmanager
async def three_running(directory: Path, **environ: str) -> AsyncIterator[list[DaemonProcess]]:
    """Three daemons, each with its own address; the arguments are those of `running`."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(running(each, **SECRET, **environ)) for each in _directories(directory)]


@asynccontextmanager
async def balanced(directory: Path, **environ: str) -> AsyncIterator["BalancedDaemons"]:
    """As `running`, for three daemons behind one address."""
    async with started(BalancedDaemons(directory, environ)) as daemons:
        assert isinstance(daemons, BalancedDaemons)
        yield daemons


class BalancedDaemons(DaemonProcess):
    """Three daemons behind a balancer (see `tests.balancer`): each connection to `url` goes to the next one.

    What is done to it is done to all three. So tests that were written for one daemon can use it.

    Arguments:
        directory: in which each daemon gets its own.
        environ: as of `DaemonProcess`, with a store that daemons can share.
    """

    def __init__(self, directory: Path, environ: dict[str, str]) -> None:
        super().__init__(directory, environ)
        self.each = [DaemonProcess(one, SECRET | environ) for one in _directories(directory)]
        self._balancer: subprocess.Popen[bytes] | None = None

    @property
    def output(self) -> str:
        """That of one daemon after that of another."""
        return "".join(each.output for each in self.each)

    def code_for(self, address: str) -> str | None:
        """As of one daemon, if not more than one mail is sent to this address."""
        return next((code for each in self.each if (code := each.code_for(address)) is not None), None)

    async def start(self) -> None:
        """Starts the daemons, and the balancer when all listen."""
        async with trio.open_nursery() as nursery:
            for each in self.each:
                nursery.start_soon(each.start)
        await trio.to_thread.run_sync(self._balance)

    def _balance(self) -> None:
        ports = [str(each.port) for each in (self, *self.each)]
        command = [sys.executable, "-m", "tests.balancer", *ports]
        root = Path(__file__).parents[1]
        self._balancer = subprocess.Popen(command, cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert self._balancer.stdout is not None
        self.port = int(self._balancer.stdout.readline())

    def poll(self) -> int | None:
        """The exit status of one that has ended; None while all run."""
        return next((status for each in self.each if (status := each.poll()) is not None), None)

    async def wait(self, seconds: float = 30.0) -> int:
        """Waits until all have ended; returns the exit status of one that failed, else 0."""
        statuses = [await each.wait(seconds) for each in self.each]
        self._end_balancer()
        return next((status for status in statuses if status), 0)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to those that run."""
        for each in self.each:
            each.signal(number)

    def kill(self) -> None:
        """Sends SIGKILL to those that run; returns when they have ended."""
        for each in self.each:
            each.kill()
        self._end_balancer()

    def _end_balancer(self) -> None:
        if self._balancer is not None:
            with self._balancer:  # closes the pipe
                self._balancer.kill()
            self._balancer = None


def _directories(parent: Path) -> list[Path]:
    directories = [parent / f"daemon{number}" for number in range(1, COUNT + 1)]
    for directory in directories:
        directory.mkdir(parents=True)
    return directories
