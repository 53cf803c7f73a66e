"""Figures of backup and restore, and of the delay of posts during a backup."""

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from reichatd.bench.target import private
from tests.archive import chatter
from tests.bench.monitoring import probing
from tests.bench.targets import Figure, Run, at_most, unbounded
from tests.mongod import Mongod
from tests.process import environment

_POSTS_PER_SECOND = 500.0


def _backup(run: Run) -> Sequence[float]:
    full = _filled(run)
    with TemporaryDirectory(dir=run.scratch) as name:
        home = Path(name)
        backed_up, during, calm = _back_up_under_load(home, _sqlite(Path(shutil.copy(full, home))))
        verified = _timed(home, {}, "backup", "verify", "backup")
        restored = _timed(home, _sqlite(home / "copy.sqlite3"), "restore", "backup")
    return backed_up, verified, restored, during - calm, during, calm


def _mongodb_backup(run: Run) -> Sequence[float]:
    """A backup and a restore copy the SQLite store to MongoDB first."""
    full = _filled(run)
    with TemporaryDirectory(dir=run.scratch) as name, Mongod(replica_set=True) as mongod:
        home = Path(name)
        settings = {"REICHATD_STORAGE_BACKEND": "mongodb", "REICHATD_STORAGE_MONGODB_URI": mongod.uri}
        _timed(home, _sqlite(full), "backup", "original")
        restored = _timed(home, settings, "restore", "original")
        backed_up, during, calm = _back_up_under_load(home, settings)
    return backed_up, restored, during - calm, during, calm


def _filled(run: Run) -> Path:
    """A store of realistic messages: equal ones would compress too well."""
    size = run.scaled(1_000_000)
    full = run.scratch / f"chatter-{size}.sqlite3"
    if not full.exists():
        unfinished = full.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        trio.run(chatter.fill, unfinished, size)
        unfinished.rename(full)
    return full


def _back_up_under_load(home: Path, storage: dict[str, str]) -> tuple[float, float, float]:
    """Backs up the store of a running daemon.

    Arguments:
        home: where to create the file `backup`.
        storage: the settings of the store.

    Returns:
        the seconds it took, and the longest delay of a post in ms: during the backup, and in an equal time after it.
    """
    with private(storage) as target, probing(target, rate=_POSTS_PER_SECOND, listeners=1) as probe:
        started = time.perf_counter()
        seconds = _timed(home, storage, "backup", "backup")
        ended = time.perf_counter()
        calm = probe.wait(seconds)
        probe.stop()
    return seconds, probe.longest(started, ended), probe.longest(*calm)


def _timed(home: Path, settings: dict[str, str], *words: str) -> float:
    """Runs `reichatd` with these arguments, and returns the seconds it took."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "reichatd", *words]
    subprocess.run(command, env=environment(home, settings), cwd=home, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def _sqlite(path: Path) -> dict[str, str]:
    return {"REICHATD_STORAGE_PATH": str(path)}


FIGURES = [
    Figure(
        "backup",
        "1,000,000 messages on SQLite, while a daemon takes 500 posts a second",
        [
            at_most(60, "backup of the running daemon", "s"),
            at_most(60, "backup verify", "s"),
            at_most(60, "restore", "s"),
            at_most(100, "longest delay of a post during the backup, minus that in an equal time without", "ms"),
            unbounded("longest delay during the backup", "ms"),
            unbounded("longest delay without", "ms"),
        ],
        _backup,
    ),
    Figure(
        "mongodb-backup",
        "the same on MongoDB",
        [
            at_most(60, "backup of the running daemon", "s"),
            at_most(60, "restore", "s"),
            at_most(100, "longest delay of a post during the backup, minus that in an equal time without", "ms"),
            unbounded("longest delay during the backup", "ms"),
            unbounded("longest delay without", "ms"),
        ],
        _mongodb_backup,
    ),
]
