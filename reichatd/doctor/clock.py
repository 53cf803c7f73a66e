"""The clock, on which tokens, codes and messages depend."""

import ctypes
import time
from datetime import UTC, datetime
from pathlib import Path

from reichatd.doctor.findings import Finding, Note, ok, skipped, warning
from reichatd.doctor.target import Target

_AHEAD_SECONDS = 60.0
_UNSYNCHRONISED = 5  # adjtimex(2): TIME_ERROR
_TIMEX_BYTES = 512  # larger than struct timex on any platform
_KEEP_TIME = "synchronise it: systemctl enable --now systemd-timesyncd (or chrony)"


async def check(target: Target, note: Note) -> None:
    note(_synchronised())
    note(_files(target))


def _synchronised() -> Finding:
    code = "clock.synchronised"
    try:
        # All zero, which only reads the state.
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (AttributeError, OSError):
        state = -1
    if state == -1:
        return skipped(code, "the kernel does not tell whether the clock is synchronised")
    if state == _UNSYNCHRONISED:
        return warning(code, "the clock is not synchronised with a time server", _KEEP_TIME)
    return ok(code, "synchronised with a time server")


def _files(target: Target) -> Finding:
    """A file from the future: the clock is slow now, or was fast when the file was written."""
    code = "clock.files"
    log = target.data_file.with_name(f"{target.data_file.name}-wal")
    files = [target.data_file, log, target.secret_file, target.config_file, Path(__file__)]
    written = {file: file.stat().st_mtime for file in files if file is not None and file.exists()}
    newest = max(written, key=written.__getitem__)
    if written[newest] > time.time() + _AHEAD_SECONDS:
        when = datetime.fromtimestamp(written[newest], UTC)
        return warning(
            code, f"{newest} was written in the future, {when:%Y-%m-%d %H:%M} UTC", f"set the clock, and {_KEEP_TIME}"
        )
    return ok(code, "no file of the daemon is from the future")
