"""Listening Unix sockets and their paths, which are created, taken over from a killed daemon, and removed."""

import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EEXIST
from pathlib import Path

_MAX_PATH_BYTES = 100
"""The longest path that surely fits into the address of a Unix socket. Linux has room for 107 bytes, other systems for fewer."""

_BACKLOG = 16


class Occupied(Exception):
    """Another process listens at this path."""


class UnixSocket:
    """A Unix socket that listens at a path. `open_socket` makes it."""

    def __init__(self, path: Path, listener: socket.socket) -> None:
        self.listener = listener
        self.path = path
        self._identity = _identity(path)

    def close(self) -> None:
        """Closes the socket, and removes its file unless another daemon has replaced it. May be called again."""
        self.listener.close()
        with suppress(OSError):
            if _identity(self.path) == self._identity:
                self.path.unlink()


def open_socket(path: Path, *, mode: int = 0o600, backlog: int = _BACKLOG) -> UnixSocket:
    """Listens at `path`; replaces a socket that a killed daemon left there. The directory must exist. Blocks.

    Arguments:
        mode: of the file. Users who may write to it may connect.
        backlog: connections that the kernel queues until they are accepted.

    Raises:
        Occupied: a daemon listens there.
        OSError: the socket cannot be made; FileExistsError if a file there is not a socket.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _locked(path.parent):
            _remove_leftover(path)
            with address(path) as socket_address:
                listener.bind(socket_address)
            # Before `listen`: until then no client can connect, whatever the mode.
            path.chmod(mode)
            listener.listen(backlog)
    except BaseException:
        listener.close()
        raise
    return UnixSocket(path, listener)


@contextmanager
def address(path: Path) -> Iterator[str]:
    """The path in a form that fits into a socket's address: a long one goes through its opened directory."""
    text = str(path.absolute())
    if len(os.fsencode(text)) <= _MAX_PATH_BYTES:
        yield text
        return
    directory = os.open(path.absolute().parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Locks a directory. Two daemons that start at once must not see the same leftover: one would remove the other's new socket."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # some file systems have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _identity(path: Path) -> tuple[int, int]:
    """Differs if another file has replaced this one. The inode number alone is not enough: it may be used again."""
    status = path.lstat()
    return status.st_ino, status.st_ctime_ns


def _remove_leftover(path: Path) -> None:
    """Removes the socket of a killed daemon.

    Raises:
        Occupied, FileExistsError
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(EEXIST, "the file there is not a socket", str(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, address(path) as socket_address:
        probe.setblocking(False)  # otherwise `connect` waits while the backlog is full
        try:
            probe.connect(socket_address)
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except BlockingIOError:
            raise Occupied from None
        else:
            raise Occupied
