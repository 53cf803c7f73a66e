"""A Unix socket's place in the file system: made, taken over from a daemon that was killed, and removed."""

import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EEXIST
from pathlib import Path

_LONGEST = 100
"""Bytes of a path that a Unix socket's address surely holds: Linux has room for 107, others for a few less."""

_BACKLOG = 16


class Occupied(Exception):
    """Another process listens there."""


class UnixSocket:
    """A socket that listens at a path; made by `open_socket`."""

    def __init__(self, path: Path, listener: socket.socket) -> None:
        self.listener = listener
        self.path = path
        self._identity = _identity(path)

    def close(self) -> None:
        """Listens no more, and removes the file, unless it is another daemon's by now. Harmless if closed before."""
        self.listener.close()
        with suppress(OSError):
            if _identity(self.path) == self._identity:
                self.path.unlink()


def open_socket(path: Path, *, mode: int = 0o600, backlog: int = _BACKLOG) -> UnixSocket:
    """Listens at `path`, in place of what a killed daemon left there. Its directory must exist. Blocks.

    Arguments:
        mode: who may connect: those who may write to the file.
        backlog: connections that the kernel keeps until they are accepted.

    Raises:
        Occupied: a daemon listens there.
        OSError: it cannot be made, or what is there is not a socket, and stays.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _alone_in(path.parent):
            _make_way(path)
            with address(path) as place:
                listener.bind(place)
            # Before it listens: until then nobody gets in, whatever its mode.
            path.chmod(mode)
            listener.listen(backlog)
    except BaseException:
        listener.close()
        raise
    return UnixSocket(path, listener)


@contextmanager
def address(path: Path) -> Iterator[str]:
    """The path, spelt so that it fits into a socket's address: a long one by way of its open directory."""
    text = str(path.absolute())
    if len(os.fsencode(text)) <= _LONGEST:
        yield text
        return
    directory = os.open(path.absolute().parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Two daemons that start at once must not both find the same leftover: the second would remove the first one's new socket."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # some file systems have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _identity(path: Path) -> tuple[int, int]:
    """Tells a file from another that has come in its place; the number of its inode alone may come again."""
    status = path.lstat()
    return status.st_ino, status.st_ctime_ns


def _make_way(path: Path) -> None:
    """Removes what a killed daemon left."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(EEXIST, "what is there is no socket", str(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, address(path) as place:
        probe.setblocking(False)  # a backlog that is full would keep it waiting
        try:
            probe.connect(place)
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except BlockingIOError:
            raise Occupied from None
        else:
            raise Occupied
