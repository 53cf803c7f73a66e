"""Figures of memory, connects, history, REST, logins and the start."""

import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import argon2

from reichatd.bench.scenarios import drive, load_process, outcome_of, read_up_to
from reichatd.bench.specs import Call, Fetch, Idle, Join
from reichatd.bench.target import BenchTarget, private
from reichatd.settings import AuthSettings
from tests.bench import compare, stores
from tests.bench.monitoring import open_files, probing, watch
from tests.bench.targets import Figure, Run, at_least, at_most, unbounded
from tests.process import environment

_QUIET_SECONDS = 2.0
_SERVE = ["-m", "reichatd", "serve"]
_READY = "listens on"
_IMPORTED = re.compile(r"^import time: .*\| +(\S+)$", re.MULTILINE)


def _memory(run: Run) -> Sequence[float]:
    clients, rooms = run.scaled(10_000), 100
    with private({}) as target:
        used = target.resident_kib()
        requests = target.rooms(rooms)
        with ExitStack() as stack:
            halves = [Idle(port=target.port, requests=requests, clients=clients // 2)] * 2
            processes = [stack.enter_context(load_process(half)) for half in halves]
            lost = sum(outcome_of(process).lost for process in processes)
            each = (target.resident_kib() - used) / clients
    return each, target.untouched_kib / 1024, used / 1024, lost


def _churn(run: Run) -> Sequence[float]:
    """Connects and disconnects, a thousand clients at a time. Growth that happens once is over after ten thousand.

    Tasks cannot be counted from outside: one that stayed for each client would show in the memory.
    """
    batch = run.scaled(1000)
    with private({}) as target:
        requests = target.rooms(1)
        connect_and_leave = partial(Join, port=target.port, requests=requests, clients=batch)

        def repeat(count: int) -> tuple[int, int, float]:
            lost = sum(drive(connect_and_leave()).lost for _ in range(count))
            return lost, _settled_open_files(target), target.resident_kib() / 1024

        lost, files, before = repeat(10)
        more_lost, files_later, after = repeat(90)
    return after - before, before, files_later - files, lost + more_lost


def _settled_open_files(target: BenchTarget) -> int:
    """The number of open files, once the daemon has closed those of its clients."""
    files = open_files(target)
    while True:
        time.sleep(_QUIET_SECONDS)
        if (now := open_files(target)) == files:
            return files
        files = now


def _history(run: Run) -> Sequence[float]:
    sizes = {"small": 1000, "large": run.scaled(1_000_000)}
    full = run.scratch / f"history-{sizes['large']}.sqlite3"
    stores.create_once(full, lambda path: stores.create_with_logs(path, sizes))
    with TemporaryDirectory() as directory:
        path = shutil.copy(full, directory)
        with private({"REICHATD_STORAGE_PATH": str(path)}) as target:
            (small_state, small_page), (large_state, large_page) = (
                _read_in(target, room_id, size) for room_id, size in sizes.items()
            )
    return large_state / small_state, large_page / small_page, large_page, large_state


def _read_in(target: BenchTarget, room_id: str, size: int) -> tuple[float, float]:
    """The medians, in ms, of an initial state in the middle of a log, connecting included, and of pages from all of the log."""
    request = target.socket_request(room_id)
    target.call("POST", f"/room/{room_id}/join")
    read_up_to(target, request, size // 2)
    state = drive(Join(port=target.port, requests=[request], clients=500, at_once=1))
    page = drive(Fetch(port=target.port, requests=[request], clients=1, last_id=size, pages=1000))
    assert not state.lost
    assert not page.lost
    return state.latency.p50, page.latency.p50


def _rest(run: Run) -> Sequence[float]:
    rates = {contestant: measure().per_second for contestant, measure in compare.rest(run.scratch).items()}
    joined, room, bare = rates["reichatd"], rates["reichatd, a room"], rates["a bare route"]
    return joined, room, bare, joined / bare, room / bare


def _logins(run: Run) -> Sequence[float]:
    """The daemon lets all logins wait: by default it would refuse most of 200 at once."""
    logins = 200
    with private({"REICHATD_AUTH_ARGON2_WAITING": str(logins)}) as target, probing(target) as probe:
        call = Call(port=target.port, requests=[target.login_request()], clients=logins, calls=logins)
        calm = probe.wait(logins / 100)
        rush = watch(call, lambda: 0.0)
        probe.stop()
    before, during = probe.p99(*calm), probe.p99(rush.started, rush.ended)
    rate = rush.outcome.per_second
    return during / before, during, before, rate, rate / _argon2_rate(logins), rush.outcome.lost


def _argon2_rate(count: int) -> float:
    """Password checks a second with the daemon's settings, by one thread for each core."""
    auth = AuthSettings()
    hasher = argon2.PasswordHasher(auth.argon2_time_cost, auth.argon2_memory_kib, auth.argon2_parallelism)
    known = hasher.hash("a good password")
    started = time.perf_counter()
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        list(threads.map(lambda _: hasher.verify(known, "a good password"), range(count)))
    return count / (time.perf_counter() - started)


def _start(run: Run) -> Sequence[float]:
    size = run.scaled(10_000_000)
    full = run.scratch / f"start-{size}.sqlite3"
    sizes = {f"room{number}": size // 100 for number in range(100)}
    stores.create_once(full, lambda path: stores.create_with_logs(path, sizes))
    with TemporaryDirectory() as directory:
        start = partial(_start_until_ready, Path(directory))
        _, output = start([sys.executable, "-X", "importtime", *_SERVE], "first")
        imports, _ = start([sys.executable, "-c", _import_all(output)], "none")
        empty, _ = start([sys.executable, *_SERVE], "second")
        filled, _ = start([sys.executable, *_SERVE], full)
    started = time.perf_counter()
    subprocess.run([Path(sys.executable).with_name("reichatd"), "--help"], stdout=subprocess.DEVNULL, check=True)
    return empty - imports, filled - imports, imports, time.perf_counter() - started


def _start_until_ready(directory: Path, command: list[str], store: str | Path) -> tuple[float, str]:
    """Runs a program until it is ready, and ends it. Returns the seconds until then, and its output.

    Arguments:
        store: the SQLite file, relative to the directory or absolute.
    """
    settings = {
        "REICHATD_SERVER_PORT": "0",
        "REICHATD_STORAGE_PATH": str(directory / store),
        "REICHATD_AUTH_SECRET_KEY": secrets.token_hex(32),
    }
    environ, output, started = environment(directory, settings), "", time.perf_counter()
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        while _READY not in output:
            line = process.stdout.readline()
            assert line, output
            output += line
        seconds = time.perf_counter() - started
        process.terminate()
        process.communicate()
    return seconds, output


def _import_all(output: str) -> str:
    """A program that imports what a daemon imported before it was ready, without the daemon's own modules.

    Arguments:
        output: of Python with -X importtime.
    """
    names = [name for name in _IMPORTED.findall(output) if not name.startswith("reichatd")]
    return f"""
from contextlib import suppress
from importlib import import_module

for name in {names}:
    with suppress(ImportError):  # modules that do not exist, or belong to Python's own start
        import_module(name)
print({_READY!r}, flush=True)
"""


FIGURES = [
    Figure(
        "memory",
        "10,000 idle listeners in 100 rooms",
        [
            at_most(15, "each connection, in addition to the daemon after that login", "KiB"),
            at_most(70, "the daemon before the first connection", "MiB"),
            unbounded("the daemon after the first login: glibc keeps the memory of argon2", "MiB"),
            at_most(0, "connections failed"),
        ],
        _memory,
    ),
    Figure(
        "churn",
        "100,000 connects and disconnects",
        [
            at_most(4, "growth of the memory after the first 10,000", "MiB"),
            unbounded("memory after the first 10,000", "MiB"),
            at_most(0, "more open files than after the first 10,000"),
            at_most(0, "connections failed"),
        ],
        _churn,
    ),
    Figure(
        "history",
        "a room of 1,000,000 messages beside a room of 1,000, on SQLite",
        [
            at_most(1.3, "initial state, from connecting on: median over that of the small room"),
            at_most(1.3, "a page of 100: median over that of the small room"),
            at_most(5, "a page of 100: median", "ms"),
            unbounded("initial state: median", "ms"),
        ],
        _history,
    ),
    Figure(
        "rest",
        "GET over 32 connections",
        [
            unbounded("answers to GET /joined", "/s"),
            unbounded("answers to GET /room/{room_id}", "/s"),
            unbounded("answers of a bare Quart-Trio route on Hypercorn", "/s"),
            at_least(0.6, "GET /joined over the bare route"),
            at_least(0.6, "GET /room/{room_id} over the bare route"),
        ],
        _rest,
    ),
    Figure(
        "logins",
        "200 logins at once, beside a conversation of 10 listeners and 100 messages a second",
        [
            at_most(1.5, "p99 of the conversation over its p99 before"),
            unbounded("p99 of the conversation", "ms"),
            unbounded("p99 of the conversation before", "ms"),
            unbounded("logins", "/s"),
            unbounded("logins over what argon2 alone does"),
            at_most(0, "logins refused"),
        ],
        _logins,
    ),
    Figure(
        "start",
        "from exec to ready",
        [
            at_most(0.4, "over importing the libraries, with an empty store", "s"),
            at_most(0.4, "over importing the libraries, with 10,000,000 messages", "s"),
            unbounded("importing the libraries", "s"),
            at_most(0.25, "reichatd --help", "s"),
        ],
        _start,
    ),
]
