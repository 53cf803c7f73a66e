"""The clock: tokens, codes and messages go by it."""

import ctypes
import time
from datetime import UTC, datetime
from pathlib import Path

from reichatd.doctor.findings import Finding, Note, ok, skipped, warning
from reichatd.doctor.target import Target

_AHEAD_SECONDS = 60.0
_UNSYNCHRONISED = 5  # adjtimex(2): TIME_ERROR
_TIMEX_BYTES = 512  # more than struct timex has anywhere
_KEEP_TIME = "have it kept: systemctl enable --now systemd-timesyncd (or chrony)"


async def check(patient: Target, note: Note) -> None:
    note(_synchronised())
    note(_files(patient))


def _synchronised() -> Finding:
    code = "clock.synchronised"
    try:
        # All zero: it asks and changes nothing.
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (AttributeError, OSError):
        state = -1
    if state == -1:
        return skipped(code, "the kernel does not say whether the clock is kept")
    if state == _UNSYNCHRONISED:
        return warning(code, "nobody keeps the kernel's clock by a time server", _KEEP_TIME)
    return ok(code, "kept by a time server")


def _files(patient: Target) -> Finding:
    """A file written later than now: the clock is behind, or was ahead when it was written."""
    code = "clock.files"
    log = patient.data_file.with_name(f"{patient.data_file.name}-wal")
    files = [patient.data_file, log, patient.secret_file, patient.config_file, Path(__file__)]
    written = {file: file.stat().st_mtime for file in files if file is not None and file.exists()}
    newest = max(written, key=written.__getitem__)
    if written[newest] > time.time() + _AHEAD_SECONDS:
        when = datetime.fromtimestamp(written[newest], UTC)
        return warning(
            code, f"{newest} was written in the future, {when:%Y-%m-%d %H:%M} UTC", f"set the clock, and {_KEEP_TIME}"
        )
    return ok(code, "no file of the daemon's is from the future")
