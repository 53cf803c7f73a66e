"""What the service manager tells a daemon, and what it wants to hear: systemd's protocols, which others speak too.

They are a few variables of the environment and datagrams of `NAME=value` lines (sd_notify(3), sd_listen_fds(3),
sd_watchdog_enabled(3)). The variables are taken out of the environment when they are read: no child of ours is meant by them.
Without a service manager all of this does nothing.
"""

import os
import socket
import time
from collections.abc import MutableMapping
from itertools import chain, repeat
from typing import NamedTuple

_FIRST_SOCKET = 3
_MICROSECONDS = 1_000_000
_FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)


class Manager:
    """The service manager that started this process, if one did.

    Telling it something neither waits nor fails: a daemon serves as well where nobody listens.

    Arguments:
        address: of its socket, as in NOTIFY_SOCKET; "" for none.
        watchdog_seconds: within which it wants to hear of us again and again, else it takes us for dead; None if it does not care.
    """

    def __init__(self, address: str = "", watchdog_seconds: float | None = None) -> None:
        self.watchdog_seconds = watchdog_seconds
        self._address = f"\0{address[1:]}" if address.startswith("@") else address

    def __bool__(self) -> bool:
        """Whether anybody listens."""
        return bool(self._address)

    def ready(self) -> None:
        """The start, or a reload, is complete: requests are answered."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """The settings are being read again; `ready` must follow."""
        # The time lets it tell this reload's end from an earlier one's (Type=notify-reload).
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """We are on our way out."""
        self._tell("STOPPING=1")

    def status(self, text: str) -> None:
        """A line for whoever asks how we are doing."""
        self._tell(f"STATUS={' '.join(text.splitlines())}")

    def alive(self) -> None:
        """To be called more often than every `watchdog_seconds`."""
        self._tell("WATCHDOG=1")

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as sock:
                sock.connect(self._address)
                sock.send("\n".join(lines).encode())
        except (OSError, ValueError):  # ValueError: an address that is none
            pass


def take_manager(environ: MutableMapping[str, str]) -> Manager:
    """The service manager that the environment names; its variables are removed."""
    address = environ.pop("NOTIFY_SOCKET", "")
    microseconds = environ.pop("WATCHDOG_USEC", "")
    meant = environ.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    watched = meant and microseconds.isdecimal() and int(microseconds) > 0
    return Manager(address, int(microseconds) / _MICROSECONDS if watched else None)


class PassedSocket(NamedTuple):
    """A listening socket that was open before this process began; `name` is what the manager calls it."""

    name: str
    socket: socket.socket


class UnusableSocket(Exception):
    """What was passed cannot be listened on. The text says what it is."""


def take_sockets(environ: MutableMapping[str, str]) -> list[PassedSocket]:
    """The listening sockets that were passed to this process, which are the caller's from here on; the variables are removed.

    Raises:
        UnusableSocket: one of them is not a stream socket (TCP or Unix) that listens; then none is listened on.
    """
    pid, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    if pid != str(os.getpid()) or not count.isdecimal():
        return []
    descriptors = range(_FIRST_SOCKET, _FIRST_SOCKET + int(count))
    passed: list[PassedSocket] = []
    try:
        for name, descriptor in zip(chain(names, repeat("")), descriptors, strict=False):
            passed.append(PassedSocket(name, _listening(name, descriptor)))
    except UnusableSocket:
        for each in passed:
            each.socket.close()
        raise
    return passed


def _listening(name: str, descriptor: int) -> socket.socket:
    try:
        os.set_inheritable(descriptor, False)
        sock = socket.socket(fileno=descriptor)
    except OSError:
        raise UnusableSocket(f"file descriptor {descriptor} ({name}) is no socket") from None
    is_stream = sock.family in _FAMILIES and sock.type == socket.SOCK_STREAM
    if is_stream and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return sock
    sock.close()
    raise UnusableSocket(f"file descriptor {descriptor} ({name}) is no stream socket that listens")
