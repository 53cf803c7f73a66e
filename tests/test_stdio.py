"""Standard output and standard error of a daemon whose reader stalls."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO, cast

import httpx
import pytest
import structlog
import trio

from reichatd import logs
from reichatd.settings import LogSettings
from reichatd.stdio import QueuedStream, QueuedWriter
from tests.process import COMMAND, START_SECONDS, environment
from tests.process import READY as LISTENS

PIPE_BYTES = 65_536
SECONDS = 10.0


class Pipe:
    """A pipe that is read only by the test."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()

    def fill(self) -> None:
        os.write(self.writing, b"." * (PIPE_BYTES - 1) + b"\n")

    def read(self) -> str:
        """All that was written. Returns when `writing` is closed."""
        with open(os.dup(self.reading), encoding="utf-8") as file:
            return file.read()

    def close(self) -> None:
        os.close(self.writing)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    os.close(pipe.reading)


def read_to_the_end(pipe: Pipe, writer: QueuedWriter, others: Sequence[threading.Thread] = ()) -> list[str]:
    """Reads until the writer has written its queue and what other threads add."""
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read()))
    reader.start()
    for thread in others:
        thread.join(SECONDS)
    assert writer.drain(SECONDS)
    pipe.close()
    reader.join()
    return read[0].splitlines()


def test_the_lines_of_many_writes(pipe: Pipe) -> None:
    stream = QueuedStream(QueuedWriter(100), pipe.writing)
    for text in ("a", "b\nc\nd", "\n", "é\udcff"):
        stream.write(text)
    stream.flush()
    assert read_to_the_end(pipe, stream.writer) == ["ab", "c", "d", "é\\udcff"]
    assert not stream.isatty()


@pytest.mark.usefixtures("restored_logs")
def test_dropped_lines_are_counted_in_their_place(pipe: Pipe) -> None:
    writer = QueuedWriter(3)
    stream = QueuedStream(writer, pipe.writing)
    logs.configure(LogSettings(queue_lines=3), cast("TextIO", stream))
    pipe.fill()
    structlog.get_logger().info("kept 1")
    structlog.get_logger().info("kept 2")
    stream.write("long" * 500 + "\n")  # counts as two lines, which do not fit
    structlog.get_logger().info("kept 3")
    for number in range(5):
        structlog.get_logger().info(f"lost {number}")
    lines = read_to_the_end(pipe, writer)[1:]
    events = [(event["event"], event.get("count"), event["level"]) for event in map(json.loads, lines)]
    lost = "log lines lost"
    kept = [("kept 1", None, "info"), ("kept 2", None, "info")]
    assert events == [*kept, (lost, 1, "error"), ("kept 3", None, "info"), (lost, 5, "error")]


@pytest.mark.usefixtures("restored_logs")
def test_a_descriptor_that_cannot_be_written_loses_lines_until_it_can(tmp_path: Path) -> None:
    full, file = os.open("/dev/full", os.O_WRONLY), os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    writer = QueuedWriter(100)
    logs.configure(LogSettings(), cast("TextIO", QueuedStream(writer, full)))
    writer.put(full, "a\nb\n")
    assert writer.drain(SECONDS)
    os.dup2(file, full)
    writer.put(full, "c\n")
    assert writer.drain(SECONDS)
    lines = (tmp_path / "file").read_text().splitlines()
    os.close(full)
    os.close(file)
    assert json.loads(lines[0])["count"] >= 2
    assert lines[1:] == ["c"]


def test_deliver_waits_or_takes_the_text_back(pipe: Pipe) -> None:
    writer = QueuedWriter(2)
    stream = QueuedStream(writer, pipe.writing)
    pipe.fill()
    stream.write("first\n")
    while writer._queue:  # until writing has begun, which waits for the reader
        time.sleep(0.001)
    with pytest.raises(TimeoutError):
        stream.deliver("never\n", 0.05)
    stream.write("second\n")
    with pytest.raises(TimeoutError):
        stream.deliver("no room\n", 0.05)
    delivered = threading.Thread(target=stream.deliver, args=("in the end\n", SECONDS))
    delivered.start()
    lines = read_to_the_end(pipe, writer, [delivered])
    assert lines[1:] == ["first", "second", "in the end"]


def test_a_non_blocking_descriptor(pipe: Pipe) -> None:
    os.set_blocking(pipe.writing, False)
    stream = QueuedStream(QueuedWriter(1000), pipe.writing)
    text = "".join(f"{number:0100}\n" for number in range(900))
    stream.write(text)
    assert "".join(f"{line}\n" for line in read_to_the_end(pipe, stream.writer)) == text


# A real daemon


class DaemonOnPipe:
    """A daemon whose standard output and standard error are a pipe, which is read in pieces here."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        self.output = ""
        self.process = subprocess.Popen(
            COMMAND,
            env=environment(directory, {"REICHATD_SERVER_PORT": "0", **settings}),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
        )
        os.close(writing)

    def read(self) -> bool:
        """Waits for output and reads it; returns whether there can be more."""
        data = os.read(self.reading, PIPE_BYTES)
        self.output += data.decode()
        return bool(data)

    def read_on(self) -> None:
        while self.read():
            pass


@pytest.fixture
def unread(tmp_path: Path) -> Iterator[DaemonOnPipe]:
    daemon = DaemonOnPipe(tmp_path, REICHATD_LOG_LEVEL="debug", REICHATD_LOG_QUEUE_LINES="50")
    yield daemon
    daemon.process.kill()
    daemon.process.wait()
    os.close(daemon.reading)


async def port_of(daemon: DaemonOnPipe) -> int:
    with trio.fail_after(START_SECONDS):
        while not (match := LISTENS.search(daemon.output)):
            await trio.to_thread.run_sync(daemon.read, abandon_on_cancel=True)
    return int(match[1])


async def test_a_stalled_reader_does_not_stop_the_daemon(unread: DaemonOnPipe) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await port_of(unread)}", timeout=SECONDS) as client:
        for _ in range(200):
            assert (await client.get("/public")).status_code == 401
        assert (await client.get("/healthz")).status_code == 200
        # Unlike log lines, the code is not dropped: it waits for the reader.
        body = {"email": "ada@example.org", "username": "ada", "password": "a good password"}
        assert (await client.post("/register", json=body)).status_code == 201
        reader = threading.Thread(target=unread.read_on)
        reader.start()
        with trio.fail_after(SECONDS):
            while "\nTo:      ada@example.org\n" not in unread.output:  # noqa: ASYNC110 - another process
                await trio.sleep(0.01)
    unread.process.send_signal(signal.SIGTERM)
    assert await trio.to_thread.run_sync(unread.process.wait, SECONDS) == 0
    await trio.to_thread.run_sync(reader.join)
    assert "Traceback" not in unread.output
    lines = [json.loads(line) for line in unread.output.splitlines() if line.startswith("{")]
    lost = sum(line["count"] for line in lines if line["event"] == "log lines lost")
    answered = sum(line.get("path") == "/public" for line in lines)
    assert 0 < lost <= 200 - answered + 10
    assert lines[-1]["event"] == "stopped"


async def test_a_stalled_reader_does_not_delay_the_stop(unread: DaemonOnPipe) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await port_of(unread)}", timeout=SECONDS) as client:
        for _ in range(60):
            assert (await client.get("/public")).status_code == 401
    unread.process.send_signal(signal.SIGTERM)
    assert await trio.to_thread.run_sync(unread.process.wait, SECONDS) == 0


def test_the_last_lines_of_a_crash_are_written() -> None:
    """Also those of threads, and an incomplete line."""
    program = """
import sys, threading
from reichatd import stdio
stdio.queue_standard_streams(1000)
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
print("begun", end="")
raise KeyError("the end")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stdout == "begun"
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert done.stderr.endswith("KeyError: 'the end'\n")
