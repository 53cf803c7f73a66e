"""Creates files that only their owner can read, and says why a file cannot be written."""

import os
from pathlib import Path
from typing import BinaryIO


def create_private(path: Path) -> BinaryIO:
    """Creates a file with mode 0600, open for writing. At no moment can another user open it.

    Raises:
        FileExistsError: the file exists; it is not touched.
        OSError
    """
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def why_unwritable(file: Path, error: OSError) -> str:
    """Why a file cannot be written, for the person who named it."""
    if isinstance(error, FileNotFoundError | NotADirectoryError) and not file.parent.is_dir():
        missing = "is not a directory" if file.parent.exists() else "does not exist"
        return f"{file}: the directory {file.parent} {missing}"
    if isinstance(error, FileExistsError):
        return f"{file} exists already"
    return f"{file}: {error.strerror}"
