"""The sockets that the daemon listens on: all addresses of its hosts, and Unix sockets."""

import errno
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from reichatd.hosts import ANY_IPV4, ANY_IPV6, UNIX, UNIX_PEER, bare, unix_path, with_port
from reichatd.unixsocket import Occupied, UnixSocket, open_socket

_BACKLOG = 4096
"""Connections that the kernel keeps for us; it takes less if net.core.somaxconn says so."""
_FREE_PORTS_TRIED = 8
"""Ports that are free on the first address and taken on another, before the search is given up."""

log = structlog.get_logger()


class CannotListen(Exception):
    """An address cannot be listened on. The text says which, and why.

    Arguments:
        host, port: the address.
        number: the system's error, 0 if it has none.
    """

    def __init__(self, host: str, port: int, reason: str, number: int = 0) -> None:
        self.number = number
        super().__init__(f"cannot listen on {with_port(host, port)}: {reason}")


class Listener:
    """A listening socket, and what a client would type to reach it.

    Arguments:
        unix: the keeper of its path, where that is to be removed in the end.
    """

    def __init__(self, sock: socket.socket, *, tls: bool, unix: UnixSocket | None = None) -> None:
        sock.setblocking(False)
        self.socket = sock
        self._unix = unix
        self.host, self.port = local_address(sock) if unix is None else (f"{UNIX}{unix.path}", 0)
        where = with_port(self.host, self.port)
        self.url = where if unix_path(self.host) else f"{'https' if tls else 'http'}://{where}"

    def close(self) -> None:
        """Listens no more, and removes the path that was made for it. Harmless if closed before."""
        (self._unix or self.socket).close()


def open_listeners(hosts: Sequence[str], port: int, *, tls: bool, unix_mode: int = 0o660) -> list[Listener]:
    """Listens on every address of these hosts; blocks as long as looking up a name takes.

    Arguments:
        hosts: as in `server.host`. "::" is all addresses of both families.
        port: of all but Unix sockets; 0 for one that is free on all addresses.
        tls: whether TLS will be spoken there.
        unix_mode: of the paths of Unix sockets.

    Raises:
        CannotListen: on one of them; then on none.
    """
    places, without_ipv6 = resolved(hosts, port)
    for host in without_ipv6:
        log.warning("this machine has no IPv6", host=host)
    tries = _FREE_PORTS_TRIED if port == 0 and len(places) > 1 else 1
    with ExitStack() as opened:
        listeners = _listen_on(places, port, tls=tls, tries=tries)
        for listener in listeners:
            opened.callback(listener.close)
        for path in filter(None, map(unix_path, hosts)):
            unix = _listen_at(Path(path), unix_mode)
            opened.callback(unix.close)
            listeners.append(Listener(unix.listener, tls=tls, unix=unix))
        opened.pop_all()
    return listeners


def peer_address(sock: socket.socket) -> str:
    """The address of a connection's other end, as logs and `trusted_proxies` have it.

    A socket for both families, which a service manager may pass, has IPv4 addresses in IPv6 form (RFC 4291, 2.5.5.2).
    """
    if sock.family == socket.AF_UNIX:
        return UNIX_PEER
    address: str = sock.getpeername()[0]
    if address.startswith("::ffff:"):
        return str(IPv6Address(address).ipv4_mapped or address)
    return address


def local_address(sock: socket.socket) -> tuple[str, int]:
    """The address that a socket is bound to, a Unix socket's with port 0."""
    name = sock.getsockname()
    if sock.family != socket.AF_UNIX:
        host, port = name[:2]
        return host, port
    # Bytes: an abstract one, which has no path and is written with "@".
    return f"{UNIX}{'@' + os.fsdecode(name[1:]) if isinstance(name, bytes) else name}", 0


class SocketAddress(NamedTuple):
    """An address as sockets take it, and its family."""

    family: socket.AddressFamily
    address: tuple[Any, ...]


def resolved(hosts: Sequence[str], port: int) -> tuple[list[SocketAddress], list[str]]:
    """All addresses of these hosts but Unix sockets, none twice, and the hosts that have to do without their IPv6 addresses.

    These are hosts that have others, on a machine without IPv6. Blocks as long as looking up a name takes.

    Raises: CannotListen for a name that is not known.
    """
    places: dict[SocketAddress, None] = {}
    without_ipv6 = []
    for host in hosts:
        if not unix_path(host):
            found = [place for name in _names(bare(host)) for place in _looked_up(name, port)]
            usable = [place for place in found if place.family != socket.AF_INET6 or has_ipv6()]
            if usable and len(usable) < len(found):
                without_ipv6.append(host)
            places.update(dict.fromkeys(usable or found))
    everywhere = {place.family for place in places if place.address[0] in (ANY_IPV4, ANY_IPV6)}
    wanted = [place for place in places if place.family not in everywhere or place.address[0] in (ANY_IPV4, ANY_IPV6)]
    return wanted, without_ipv6


def bound(place: SocketAddress, port: int) -> socket.socket:
    """A socket with this address and port, which does not listen yet. Raises: CannotListen."""
    host, _, *rest = place.address
    with ExitStack() as opened:
        try:
            sock = opened.enter_context(socket.socket(place.family, socket.SOCK_STREAM))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if place.family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((host, port, *rest))
        except OSError as error:
            raise _cannot(host, port, error) from error
        opened.pop_all()
    return sock


def has_ipv6() -> bool:
    """Whether this machine has IPv6, if only for itself."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _names(host: str) -> tuple[str, ...]:
    # Two sockets, and not one for both families: there, clients of IPv4 would come as ::ffff:192.0.2.1.
    return (ANY_IPV4, ANY_IPV6) if host == ANY_IPV6 else (host,)


def _looked_up(name: str, port: int) -> Iterator[SocketAddress]:
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise _cannot(name, port, error) from error
    except UnicodeError:
        raise CannotListen(name, port, "this cannot be a name") from None
    for family, _, _, _, address in found:
        yield SocketAddress(family, tuple(address))


def _listen_on(places: Sequence[SocketAddress], port: int, *, tls: bool, tries: int) -> list[Listener]:
    """On one port: where it is free on the first address and taken on another, another one is tried."""
    listeners: list[Listener] = []
    try:
        for place in places:
            number = port or (listeners[0].port if listeners else 0)
            listeners.append(Listener(_listen(place, number), tls=tls))
    except BaseException as error:
        for listener in listeners:
            listener.close()
        if isinstance(error, CannotListen) and error.number == errno.EADDRINUSE and tries > 1:
            return _listen_on(places, port, tls=tls, tries=tries - 1)
        raise
    return listeners


def _listen(place: SocketAddress, port: int) -> socket.socket:
    sock = bound(place, port)
    try:
        sock.listen(_BACKLOG)
    except OSError as error:  # another program has bound the port as we do, and listens by now
        sock.close()
        raise _cannot(place.address[0], port, error) from error
    return sock


def _listen_at(path: Path, mode: int) -> UnixSocket:
    try:
        return open_socket(path, mode=mode, backlog=_BACKLOG)
    except Occupied:
        raise CannotListen(f"{UNIX}{path}", 0, "another daemon listens there", errno.EADDRINUSE) from None
    except OSError as error:
        raise _cannot(f"{UNIX}{path}", 0, error) from error


def _cannot(host: str, port: int, error: OSError) -> CannotListen:
    return CannotListen(host, port, error.strerror or str(error), error.errno or 0)
