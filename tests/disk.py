"""A disk of a few megabytes: a tmpfs in its own mount namespace, which ends with the process that holds it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MOUNT = 'mount -t tmpfs -o "mode=700,size=$2" tmpfs "$1" && echo mounted && exec cat'


class Disk:
    """Made by `small_disk`.

    Arguments:
        directory: the mount point, in the namespace.
        holder: the id of the process that holds the namespace.
    """

    def __init__(self, directory: Path, holder: int) -> None:
        self.directory = directory
        self.prefix = ["nsenter", "--target", str(holder), *_unless_root("--user", "--preserve-credentials"), "--mount"]
        """Put before a command, it runs the command in the namespace."""
        self.outside = Path(f"/proc/{holder}/root{directory}")
        """The same directory for this process. Not for SQLite, which would resolve the link in this process's namespace."""

    def fill(self, leave: int = 0) -> None:
        """Takes all free space but `leave` bytes, until `free`."""
        space = os.statvfs(self.outside)
        descriptor = os.open(self._ballast, os.O_WRONLY | os.O_CREAT)
        try:
            more = space.f_bavail * space.f_frsize - leave
            if more > 0:
                os.posix_fallocate(descriptor, os.fstat(descriptor).st_size, more)
        finally:
            os.close(descriptor)

    def free(self) -> None:
        """Gives back the space that `fill` took."""
        self._ballast.unlink()

    def read_only(self) -> None:
        """Makes the disk read-only. No file may be open for writing."""
        subprocess.run([*self.prefix, "mount", "-o", "remount,bind,ro", self.directory], check=True)

    @property
    def _ballast(self) -> Path:
        return self.outside / "ballast"


@contextmanager
def small_disk(directory: Path, size: int) -> Iterator[Disk]:
    """Mounts a disk of `size` bytes at `directory`, which exists. Other processes see the directory empty."""
    as_root = ["unshare", *_unless_root("--user", "--map-root-user"), "--mount"]
    command = [*as_root, "sh", "-c", _MOUNT, "sh", str(directory), str(size)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"mounted\n", (
            "only root may mount, or any user where user namespaces are allowed"
        )
        try:
            yield Disk(directory, holder.pid)
        finally:
            holder.kill()


def _unless_root(*options: str) -> tuple[str, ...]:
    """The options for a user namespace, where other users may mount; nothing for root."""
    return () if os.geteuid() == 0 else options
