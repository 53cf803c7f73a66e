"""systemd's protocols between a service manager and a daemon: notification, watchdog and passed sockets. Others speak them too.

They use a few environment variables, and datagrams of `NAME=value` lines (sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3)).
The variables are removed from the environment when they are read, because they are not meant for child processes. Without a
service manager all of this does nothing.
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


class ServiceManager:
    """The service manager that started this process, if one did. No method waits or fails, whether it listens or not.

    Arguments:
        address: of its socket, as in NOTIFY_SOCKET; "" for none.
        watchdog_seconds: its watchdog timeout; None if it has none.
    """

    def __init__(self, address: str = "", watchdog_seconds: float | None = None) -> None:
        self.watchdog_seconds = watchdog_seconds
        self._address = f"\0{address[1:]}" if address.startswith("@") else address

    def __bool__(self) -> bool:
        """Whether there is one."""
        return bool(self._address)

    def ready(self) -> None:
        """Reports that the start, or a reload, is complete: requests are answered."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Reports that the settings are read again; `ready` must follow."""
        # By the time, it can match the end of this reload with its start (Type=notify-reload).
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Reports that the daemon stops."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Sets the line of status that `systemctl status` shows."""
        self._send(f"STATUS={' '.join(text.splitlines())}")

    def feed_watchdog(self) -> None:
        """Reports that the daemon is alive. Must be called more often than every `watchdog_seconds`."""
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as sock:
                sock.connect(self._address)
                sock.send("\n".join(lines).encode())
        except (OSError, ValueError):  # ValueError: the address is malformed
            pass


def take_manager(environ: MutableMapping[str, str]) -> ServiceManager:
    """Reads which service manager there is, and removes its variables from the environment."""
    address = environ.pop("NOTIFY_SOCKET", "")
    microseconds = environ.pop("WATCHDOG_USEC", "")
    is_for_us = environ.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    is_watched = is_for_us and microseconds.isdecimal() and int(microseconds) > 0
    return ServiceManager(address, int(microseconds) / _MICROSECONDS if is_watched else None)


class PassedSocket(NamedTuple):
    """A listening socket that the service manager opened and passed to this process; `name` is its name there."""

    name: str
    socket: socket.socket


class UnusableSocket(Exception):
    """A passed file descriptor is not a listening stream socket. The text says what it is."""


def take_sockets(environ: MutableMapping[str, str]) -> list[PassedSocket]:
    """The listening sockets that were passed to this process. The caller owns them. Removes the variables from the environment.

    Raises:
        UnusableSocket: one of them is not a listening stream socket (TCP or Unix). All of them are closed then.
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
