"""A real pseudo-terminal that runs a program, and the screen as a person would see it."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pyte
import trio

SECONDS = 30.0
COLUMNS, LINES = 72, 20


class Terminal:
    """The keyboard and the screen of a running program."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self._master = master
        self._process = process
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""
        """All output of the program."""
        self._written = trio.Condition()

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self._screen.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    async def read(self) -> None:
        """Updates the screen until the program ends."""
        while True:
            await trio.lowlevel.wait_readable(self._master)
            try:
                data = os.read(self._master, 65536)
            except OSError:  # no process has the other end open
                return
            self.raw += data
            self._stream.feed(data)
            async with self._written:
                self._written.notify_all()

    async def see(self, *texts: str) -> None:
        """Waits until all these texts are on the screen."""
        await self._until(lambda: all(text in self.text for text in texts), f"{texts} to be seen")

    async def miss(self, text: str) -> None:
        """Waits until the text is not on the screen."""
        await self._until(lambda: text not in self.text, f"{text!r} to go")

    async def see_other_than(self, text: str) -> None:
        """Waits until the screen differs from this text."""
        await self._until(lambda: self.text != text, "a change")

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        with trio.move_on_after(SECONDS) as scope:
            async with self._written:
                while not condition():
                    await self._written.wait()
        assert not scope.cancelled_caught, f"waited for {what}:\n{self.text}"

    def type(self, keys: str) -> None:
        """Types these keys; a lone surrogate is a byte that is not UTF-8."""
        os.write(self._master, keys.encode(errors="surrogateescape"))

    async def paste(self, text: str) -> None:
        """Pastes a long text (bracketed paste), as fast as the program reads it."""
        data = f"\x1b[200~{text}\x1b[201~".encode()
        os.set_blocking(self._master, False)
        with trio.fail_after(SECONDS):
            while data:
                await trio.lowlevel.wait_writable(self._master)
                data = data[os.write(self._master, data) :]
        os.set_blocking(self._master, True)

    async def ended(self) -> int:
        """Waits for the end of the program; returns its exit status."""
        with trio.fail_after(SECONDS):
            while (status := self._process.poll()) is None:  # noqa: ASYNC110 - another process
                await trio.sleep(0.01)
        return status

    def resize(self, lines: int, columns: int) -> None:
        self._screen.resize(lines, columns)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._process.send_signal(signal.SIGWINCH)


@asynccontextmanager
async def chat(home: Path, *arguments: str) -> AsyncIterator[Terminal]:
    """`reichatd chat` in a terminal, with its files in `home`."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    process = subprocess.Popen(  # noqa: ASYNC220 - a start is quick
        [sys.executable, "-W", "error", "-m", "reichatd", "chat", *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("XDG_")},
            "HOME": str(home),
            "TERM": "xterm-256color",
            "TZ": "UTC",
            "LC_ALL": "C.UTF-8",
        },
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    terminal = Terminal(master, process)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(terminal.read)
            yield terminal
            nursery.cancel_scope.cancel()
    finally:
        process.kill()
        process.wait()
        os.close(master)
