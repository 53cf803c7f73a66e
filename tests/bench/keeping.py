"""Figures of backup and restore, and of what those notice who post meanwhile."""

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
from tests.bench.lines import Figure, Workshop, at_most, noted
from tests.bench.watching import beating
from tests.mongod import Mongod
from tests.process import environment

_POSTS_PER_SECOND = 500.0


def _backup(workshop: Workshop) -> Sequence[float]:
    full = _filled(workshop)
    with TemporaryDirectory(dir=workshop.scratch) as name:
        home = Path(name)
        backed_up, during, calm = _back_up_under_load(home, _sqlite(Path(shutil.copy(full, home))))
        verified = _timed(home, {}, "backup", "verify", "backup")
        restored = _timed(home, _sqlite(home / "copy.sqlite3"), "restore", "backup")
    return backed_up, verified, restored, during - calm, during, calm


def _mongodb_backup(workshop: Workshop) -> Sequence[float]:
    """What was made for SQLite is brought there by a backup and a restore."""
    full = _filled(workshop)
    with TemporaryDirectory(dir=workshop.scratch) as name, Mongod(replica_set=True) as mongod:
        home = Path(name)
        settings = {"REICHATD_STORAGE_BACKEND": "mongodb", "REICHATD_STORAGE_MONGODB_URI": mongod.uri}
        _timed(home, _sqlite(full), "backup", "original")
        restored = _timed(home, settings, "restore", "original")
        backed_up, during, calm = _back_up_under_load(home, settings)
    return backed_up, restored, during - calm, during, calm


def _filled(workshop: Workshop) -> Path:
    """A store of what people write: one letter a million times would be no work to compress."""
    size = workshop.scaled(1_000_000)
    full = workshop.scratch / f"chatter-{size}.sqlite3"
    if not full.exists():
        unfinished = full.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        trio.run(chatter.fill, unfinished, size)
        unfinished.rename(full)
    return full


def _back_up_under_load(home: Path, storage: dict[str, str]) -> tuple[float, float, float]:
    """Backs up the store of a running daemon; the seconds it took, and the longest wait for a post meanwhile, and in as long a
    time after it.

    Arguments:
        home: where the file `backup` is made.
        storage: the settings of the store.
    """
    with private(storage) as target, beating(target, rate=_POSTS_PER_SECOND, listeners=1) as heart:
        began = time.perf_counter()
        seconds = _timed(home, storage, "backup", "backup")
        ended = time.perf_counter()
        calm = heart.listen(seconds)
        heart.stop()
    return seconds, heart.most(began, ended), heart.most(*calm)


def _timed(home: Path, settings: dict[str, str], *words: str) -> float:
    """Runs `reichatd` there to its end; the seconds it took."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "reichatd", *words]
    subprocess.run(command, env=environment(home, settings), cwd=home, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _sqlite(path: Path) -> dict[str, str]:
    return {"REICHATD_STORAGE_PATH": str(path)}


FIGURES = [
    Figure(
        "backup",
        "1,000,000 messages on SQLite, while a daemon takes 500 posts a second",
        [
            at_most(60, "backup, of the running daemon", "s"),
            at_most(60, "backup verify", "s"),
            at_most(60, "restore", "s"),
            at_most(100, "the longest wait for a post during the backup, over that in as long a time without", "ms"),
            noted("the longest during the backup", "ms"),
            noted("the longest without", "ms"),
        ],
        _backup,
    ),
    Figure(
        "mongodb-backup",
        "the same on MongoDB",
        [
            at_most(60, "backup, of the running daemon", "s"),
            at_most(60, "restore", "s"),
            at_most(100, "the longest wait for a post during the backup, over that in as long a time without", "ms"),
            noted("the longest during the backup", "ms"),
            noted("the longest without", "ms"),
        ],
        _mongodb_backup,
    ),
]
