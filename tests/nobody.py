"""A user who may write nothing, for tests that run as root."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


def nobody_id() -> int:
    return 65534


@contextmanager
def nobody() -> Iterator[None]:
    """Root may write everything; to be refused a file it must be somebody else for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(nobody_id())
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
