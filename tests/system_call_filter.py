"""Runs a command with only the system calls that a unit's SystemCallFilter= allows: `python FILE UNIT COMMAND…`.

It uses libseccomp, as systemd does. A call that is not allowed fails with EPERM.
"""

import ctypes
import errno
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_UNIT = Path(__file__).parents[1] / "systemd" / "reichatd.service"
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | errno.EPERM

FILTERED = [sys.executable, __file__, str(_UNIT)]
"""Put before a command, it runs the command with the calls that our unit allows."""


def allowed(unit: str) -> set[str]:
    """The names of the calls that a unit allows. The unit lists the allowed ones first, then the exceptions (~)."""
    calls = set(_members("@default"))
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit, re.MULTILINE):
        change = calls.difference_update if line.startswith("~") else calls.update
        for name in line.removeprefix("~").split():
            change(_members(name))
    return calls


def _members(name: str) -> Iterator[str]:
    if not name.startswith("@"):
        yield name
        return
    command = ["systemd-analyze", "syscall-filter", "--no-pager", name]
    _, *lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    for line in filter(None, map(str.strip, lines)):
        if not line.startswith("#"):
            yield from _members(line)


def _confine(calls: set[str]) -> None:
    """Leaves only these calls to this process and its children, for good."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(_REFUSE))
    for call in calls:
        number = library.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:  # negative: this architecture has no such call
            assert library.seccomp_rule_add(context, ctypes.c_uint32(_ALLOW), number, 0) == 0, call
    assert library.seccomp_load(context) == 0


if __name__ == "__main__":
    unit, *command = sys.argv[1:]
    _confine(allowed(Path(unit).read_text()))
    os.execvp(command[0], command)
