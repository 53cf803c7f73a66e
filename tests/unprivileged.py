"""Drops the rights of root for a while: root may write every file, and some tests need a refusal."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

UNPRIVILEGED_ID = 65534
"""The user "nobody" of Debian and most other systems."""


@contextmanager
def unprivileged() -> Iterator[None]:
    """Runs the block as UNPRIVILEGED_ID where the process is root; else changes nothing."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(UNPRIVILEGED_ID)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
