"""Figures of backup and restore, and of what those notice who post meanwhile."""

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from reichatd.bench.target import private
from tests.bench import fill
from tests.bench.lines import Figure, Workshop, at_most, noted
from tests.bench.watching import beating
from tests.mongod import Mongod
from tests.process import environment

_CALM_SECONDS = 10.0
_POSTS_PER_SECOND = 500.0


def _backup(workshop: Workshop) -> Sequence[float]:
    full = _filled(workshop)
    with TemporaryDirectory(dir=workshop.scratch) as name:
        home = Path(name)
        backed_up, during, before = _back_up_under_load(home, _sqlite(Path(shutil.copy(full, home))))
        verified = _timed(home, {}, "backup", "verify", "backup")
        restored = _timed(home, _sqlite(home / "copy.sqlite3"), "restore", "backup")
    return backed_up, verified, restored, during, before


def _mongodb_backup(workshop: Workshop) -> Sequence[float]:
    """What was made for SQLite is brought there by a backup and a restore."""
    full = _filled(workshop)
    with TemporaryDirectory(dir=workshop.scratch) as name, Mongod(replica_set=True) as mongod:
        home = Path(name)
        settings = {"REICHATD_STORAGE_BACKEND": "mongodb", "REICHATD_STORAGE_MONGODB_URI": mongod.uri}
        _timed(home, _sqlite(full), "backup", "original")
        restored = _timed(home, settings, "restore", "original")
        backed_up, during, before = _back_up_under_load(home, settings)
    return backed_up, restored, during, before


def _filled(workshop: Workshop) -> Path:
    size = workshop.scaled(1_000_000)
    full = workshop.scratch / f"backup-{size}.sqlite3"
    fill.logs_once(full, {f"room{number}": size // 100 for number in range(100)})
    return full


def _back_up_under_load(home: Path, storage: dict[str, str]) -> tuple[float, float, float]:
    """Backs up the store of a running daemon; the seconds it took, and the longest wait for a post meanwhile and before.

    Arguments:
        home: where the file `backup` is made.
        storage: the settings of the store.
    """
    with private(storage) as target, beating(target, rate=_POSTS_PER_SECOND, listeners=1) as heart:
        calm = heart.listen(_CALM_SECONDS)
        began = time.perf_counter()
        seconds = _timed(home, storage, "backup", "backup")
        ended = time.perf_counter()
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
            at_most(100, "the longest wait for a post during the backup", "ms"),
            noted("the longest in 10 s before", "ms"),
        ],
        _backup,
    ),
    Figure(
        "mongodb-backup",
        "the same on MongoDB",
        [
            at_most(60, "backup, of the running daemon", "s"),
            at_most(60, "restore", "s"),
            at_most(100, "the longest wait for a post during the backup", "ms"),
            noted("the longest in 10 s before", "ms"),
        ],
        _mongodb_backup,
    ),
]
