"""The daemon's listening sockets: one for each address of its hosts, and Unix sockets."""

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
"""Connections that the kernel queues until they are accepted. net.core.somaxconn may lower it."""
_MAX_PORTS_TRIED = 8
"""How many ports are tried until one is free on all addresses."""

log = structlog.get_logger()


class CannotListen(Exception):
    """The daemon cannot listen on an address. The text names the address and the reason.

    Arguments:
        number: the errno; 0 if there is none.
    """

    def __init__(self, host: str, port: int, reason: str, number: int = 0) -> None:
        self.number = number
        super().__init__(f"cannot listen on {with_port(host, port)}: {reason}")


class Listener:
    """A listening socket and its URL.

    Arguments:
        unix: the Unix socket whose path `close` removes; None for other sockets, and for one that a service manager passed.
    """

    def __init__(self, sock: socket.socket, *, tls: bool, unix: UnixSocket | None = None) -> None:
        sock.setblocking(False)
        self.socket = sock
        self._unix = unix
        self.host, self.port = local_address(sock) if unix is None else (f"{UNIX}{unix.path}", 0)
        address = with_port(self.host, self.port)
        self.url = address if unix_path(self.host) else f"{'https' if tls else 'http'}://{address}"

    def close(self) -> None:
        """Closes the socket, and removes its path if we made it. May be called again."""
        (self._unix or self.socket).close()


def open_listeners(hosts: Sequence[str], port: int, *, tls: bool, unix_mode: int = 0o660) -> list[Listener]:
    """Listens on every address of these hosts. Blocks while names are looked up.

    Arguments:
        hosts: as in `server.host`. "::" means all addresses of IPv4 and IPv6.
        port: of all sockets but Unix sockets; 0 for a port that is free on all addresses.
        tls: whether the daemon speaks TLS on them.
        unix_mode: the mode of the paths of Unix sockets.

    Raises:
        CannotListen: one address fails; then none is listened on.
    """
    endpoints, without_ipv6 = resolved(hosts, port)
    for host in without_ipv6:
        log.warning("this machine has no IPv6", host=host)
    tries = _MAX_PORTS_TRIED if port == 0 and len(endpoints) > 1 else 1
    with ExitStack() as opened:
        listeners = _listen_on(endpoints, port, tls=tls, tries=tries)
        for listener in listeners:
            opened.callback(listener.close)
        for path in filter(None, map(unix_path, hosts)):
            unix = _listen_on_path(Path(path), unix_mode)
            opened.callback(unix.close)
            listeners.append(Listener(unix.listener, tls=tls, unix=unix))
        opened.pop_all()
    return listeners


def peer_address(sock: socket.socket) -> str:
    """The address of a connection's peer, in the form of the log and of `trusted_proxies`.

    A socket for IPv4 and IPv6, which a service manager may pass, gives IPv4 addresses in IPv6 form (RFC 4291, 2.5.5.2).
    """
    if sock.family == socket.AF_UNIX:
        return UNIX_PEER
    address: str = sock.getpeername()[0]
    if address.startswith("::ffff:"):
        return str(IPv6Address(address).ipv4_mapped or address)
    return address


def local_address(sock: socket.socket) -> tuple[str, int]:
    """The address and port that a socket is bound to; the port of a Unix socket is 0."""
    name = sock.getsockname()
    if sock.family != socket.AF_UNIX:
        host, port = name[:2]
        return host, port
    # Bytes: an abstract socket, which has no path and is written with "@".
    return f"{UNIX}{'@' + os.fsdecode(name[1:]) if isinstance(name, bytes) else name}", 0


class SocketAddress(NamedTuple):
    """An address family, and an address in the form that `socket` takes."""

    family: socket.AddressFamily
    address: tuple[Any, ...]


def resolved(hosts: Sequence[str], port: int) -> tuple[list[SocketAddress], list[str]]:
    """Looks up these hosts. Blocks while names are looked up. Unix sockets are left out.

    Returns:
        their addresses, each once, and the hosts whose IPv6 addresses are left out: on a machine without IPv6, those that have IPv4
        addresses too.

    Raises:
        CannotListen: a name is unknown.
    """
    endpoints: dict[SocketAddress, None] = {}
    without_ipv6 = []
    for host in hosts:
        if not unix_path(host):
            found = [each for name in _addresses_of(bare(host)) for each in _look_up(name, port)]
            usable = [each for each in found if each.family != socket.AF_INET6 or has_ipv6()]
            if usable and len(usable) < len(found):
                without_ipv6.append(host)
            endpoints.update(dict.fromkeys(usable or found))
    wildcards = (ANY_IPV4, ANY_IPV6)
    everywhere = {each.family for each in endpoints if each.address[0] in wildcards}
    wanted = [each for each in endpoints if each.family not in everywhere or each.address[0] in wildcards]
    return wanted, without_ipv6


def bound(endpoint: SocketAddress, port: int) -> socket.socket:
    """A socket that is bound to this address and port, and does not listen yet.

    Raises:
        CannotListen
    """
    host, _, *rest = endpoint.address
    with ExitStack() as opened:
        try:
            sock = opened.enter_context(socket.socket(endpoint.family, socket.SOCK_STREAM))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if endpoint.family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((host, port, *rest))
        except OSError as error:
            raise _cannot(host, port, error) from error
        opened.pop_all()
    return sock


def has_ipv6() -> bool:
    """Whether this machine has IPv6, at least on the loopback interface."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _addresses_of(host: str) -> tuple[str, ...]:
    # Two sockets: with one for both families, IPv4 clients would have addresses like ::ffff:192.0.2.1.
    return (ANY_IPV4, ANY_IPV6) if host == ANY_IPV6 else (host,)


def _look_up(name: str, port: int) -> Iterator[SocketAddress]:
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise _cannot(name, port, error) from error
    except UnicodeError:
        raise CannotListen(name, port, "this cannot be a name") from None
    for family, _, _, _, address in found:
        yield SocketAddress(family, tuple(address))


def _listen_on(endpoints: Sequence[SocketAddress], port: int, *, tls: bool, tries: int) -> list[Listener]:
    """Listens on one port of all addresses. If a free port of the first address is taken on another one, tries the next."""
    listeners: list[Listener] = []
    try:
        for endpoint in endpoints:
            number = port or (listeners[0].port if listeners else 0)
            listeners.append(Listener(_listen(endpoint, number), tls=tls))
    except BaseException as error:
        for listener in listeners:
            listener.close()
        if isinstance(error, CannotListen) and error.number == errno.EADDRINUSE and tries > 1:
            return _listen_on(endpoints, port, tls=tls, tries=tries - 1)
        raise
    return listeners


def _listen(endpoint: SocketAddress, port: int) -> socket.socket:
    sock = bound(endpoint, port)
    try:
        sock.listen(_BACKLOG)
    except OSError as error:  # another program has bound the port with SO_REUSEADDR too, and listens already
        sock.close()
        raise _cannot(endpoint.address[0], port, error) from error
    return sock


def _listen_on_path(path: Path, mode: int) -> UnixSocket:
    try:
        return open_socket(path, mode=mode, backlog=_BACKLOG)
    except Occupied:
        raise CannotListen(f"{UNIX}{path}", 0, "another daemon listens there", errno.EADDRINUSE) from None
    except OSError as error:
        raise _cannot(f"{UNIX}{path}", 0, error) from error


def _cannot(host: str, port: int, error: OSError) -> CannotListen:
    return CannotListen(host, port, error.strerror or str(error), error.errno or 0)
