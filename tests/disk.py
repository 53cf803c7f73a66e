"""A disk of a few megabytes: a tmpfs in a mount namespace of its own, which is gone with the process that holds it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MOUNT = 'mount -t tmpfs -o "mode=700,size=$2" tmpfs "$1" && echo mounted && exec cat'


class Disk:
    """Made by `small_disk`.

    Arguments:
        directory: where processes that were started with `inside` have it.
        holder: the process whose namespace it is in.
    """

    def __init__(self, directory: Path, holder: int) -> None:
        self.directory = directory
        self.inside = ["nsenter", "--target", str(holder), *_as_user("--user", "--preserve-credentials"), "--mount"]
        """What a command that is to have the disk begins with."""
        self.from_here = Path(f"/proc/{holder}/root{directory}")
        """The same directory, for us. Not for SQLite, which would follow the link into our own namespace."""

    def fill(self, leave: int = 0) -> None:
        """Takes what space is left but for so many bytes, until `free`."""
        space = os.statvfs(self.from_here)
        descriptor = os.open(self._ballast, os.O_WRONLY | os.O_CREAT)
        try:
            more = space.f_bavail * space.f_frsize - leave
            if more > 0:
                os.posix_fallocate(descriptor, os.fstat(descriptor).st_size, more)
        finally:
            os.close(descriptor)

    def free(self) -> None:
        """Gives back what `fill` took."""
        self._ballast.unlink()

    def read_only(self) -> None:
        """From here on nothing can be written. No file may be open for writing."""
        subprocess.run([*self.inside, "mount", "-o", "remount,bind,ro", self.directory], check=True)

    @property
    def _ballast(self) -> Path:
        return self.from_here / "ballast"


@contextmanager
def small_disk(directory: Path, size: int) -> Iterator[Disk]:
    """A disk of `size` bytes at `directory`, which is there and stays empty for others."""
    as_root = ["unshare", *_as_user("--user", "--map-root-user"), "--mount"]
    command = [*as_root, "sh", "-c", _MOUNT, "sh", str(directory), str(size)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"mounted\n", "root may mount, others where the system has user namespaces"
        try:
            yield Disk(directory, holder.pid)
        finally:
            holder.kill()


def _as_user(*options: str) -> tuple[str, ...]:
    """What one who is not root has to say beside: in a user namespace he may do what root may."""
    return () if os.geteuid() == 0 else options
