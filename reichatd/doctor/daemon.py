"""The daemon on this machine: whether it runs or could start, and whether it may open enough files."""

import errno
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import trio

from reichatd.accounts.keys import Keys
from reichatd.doctor.findings import Finding, Note, error, ok, skipped, warning
from reichatd.doctor.network import Address, Answer, BadAnswer, get
from reichatd.doctor.target import Target
from reichatd.gateway.gateway import needed_files
from reichatd.gateway.listeners import CannotListen, bound, resolved
from reichatd.hosts import ANY_IPV4, ANY_IPV6, UNIX, bare, unix_path, with_port
from reichatd.settings import ServerSettings

_ANYWHERE = {ANY_IPV4: "127.0.0.1", ANY_IPV6: "localhost"}
_REMEDIES = {
    errno.EADDRINUSE: "end the other program, or set another server.port",
    errno.EACCES: "only root may use ports below 1024: set a higher one behind a proxy, or grant CAP_NET_BIND_SERVICE",
    errno.EADDRNOTAVAIL: "set server.host to an address of this machine",
    errno.ENOENT: "create the directory for the daemon's user (in a unit: RuntimeDirectory=), or set another path in server.host",
    errno.EEXIST: "remove it, or set another path in server.host",
}


class Seen(msgspec.Struct):
    """How the daemon sees a request: its answer to `GET /doctor`."""

    peer: str
    client: str
    forwarded_for: str
    open_files: int
    host: str = ""  # earlier versions do not send it


async def check(target: Target, note: Note) -> None:
    server = target.settings.server
    own = own_addresses(server)
    if not own:
        note(skipped("daemon.running", "server.port is 0: only the daemon knows where it listens"))
        return
    try:
        answers = {address: await _answers(address) for address in own}
    except _OtherProgram as problem:
        note(error("daemon.running", str(problem), _REMEDIES[errno.EADDRINUSE]))
        return
    answering, silent = ([address for address in own if answers[address] is wanted] for wanted in (True, False))
    if not answering and not silent:
        note(skipped("daemon.running", f"this user may not connect to {_listed(own)}", "run this as the daemon's user"))
        return
    if not answering:
        note(skipped("daemon.running", f"it does not run: nothing listens at {_listed(own)}"))
        note(await trio.to_thread.run_sync(_port, server))
        note(_files(resource.getrlimit(resource.RLIMIT_NOFILE)[1], server.max_connections))
        return
    note(_running(answering, silent))
    one = answering[0]
    if target.secret is not None:
        answer = await get(one, "/doctor", verify=False, Authorization=credentials(target.secret))
        if answer.status == 200:
            note(_files(msgspec.json.decode(answer.body, type=Seen).open_files, server.max_connections))
    answer = await get(one, "/readyz", verify=False)
    note(_ready(answer))


def own_addresses(server: ServerSettings) -> list[Address]:
    """The addresses of the daemon for clients on this machine; those on a free port (0) are not known."""
    return list(_own_addresses(server))


def _own_addresses(server: ServerSettings) -> Iterator[Address]:
    secure = bool(server.tls_cert)
    for host in server.hosts:
        if path := unix_path(host):
            yield Address(secure, "localhost", 443 if secure else 80, "", path)
        elif server.port:
            yield Address(secure, _ANYWHERE.get(bare(host), bare(host)), server.port, "")


class _OtherProgram(Exception):
    """Another program listens at the daemon's address. The text says what is known about it."""


async def _answers(address: Address) -> bool | None:
    """Whether the daemon answers; False if nothing listens there, None for a Unix socket that this user may not open.

    Raises: _OtherProgram.
    """
    try:
        answer = await get(address, "/healthz", verify=False)
    except PermissionError:
        return None
    except OSError:
        return False
    except (BadAnswer, trio.BrokenResourceError) as problem:
        raise _OtherProgram(f"another program listens at {address}: {problem}") from problem
    if not is_ours(answer):
        raise _OtherProgram(f"another program listens at {address}, or the event loop is stuck: status {answer.status}")
    return True


def _running(answering: list[Address], silent: list[Address]) -> Finding:
    code, found = "daemon.running", f"it runs, and answers at {_listed(answering)}"
    if not silent:
        return ok(code, found)
    remedy = "restart it if server.host has changed; with reichatd.socket, its ListenStream= counts instead"
    return warning(code, f"{found}, but not at {_listed(silent)}", remedy)


def _listed(addresses: list[Address]) -> str:
    return " and ".join(map(str, addresses))


def is_ours(answer: Answer) -> bool:
    """Whether this is the daemon's answer to /healthz."""
    return answer.status == 200 and answer.body == b'{"message":"ok"}'


def credentials(secret: bytes) -> str:
    """The Authorization header that proves to the daemon that we have its secret."""
    return f"Bearer {Keys(secret).proof(time.time())}"


def _ready(answer: Answer) -> Finding:
    if answer.status == 200:
        return ok("daemon.ready", "the store answers, and can be written to")
    try:
        message = msgspec.json.decode(answer.body, type=dict[str, object])["message"]
    except (msgspec.DecodeError, KeyError):
        message = f"status {answer.status}"
    return error("daemon.ready", f"{message}", "see the findings about the store, and the log: journalctl -u reichatd")


def _port(server: ServerSettings) -> Finding:
    code = "daemon.port"
    try:
        addresses, without_ipv6 = resolved(server.hosts, server.port)
        for address in addresses:
            bound(address, server.port).close()
        for path in filter(None, map(unix_path, server.hosts)):
            _check_socket_path(Path(path))
    except CannotListen as problem:
        return error(code, str(problem), _REMEDIES.get(problem.number, "check server.host and server.port"))
    missing = f"; this machine has no IPv6, so without it: {', '.join(without_ipv6)}" if without_ipv6 else ""
    return ok(code, f"{' and '.join(with_port(host, server.port) for host in server.hosts)}: free{missing}")


def _check_socket_path(path: Path) -> None:
    """Checks, without creating it, whether a Unix socket can be created at this path. Raises: CannotListen."""
    host = f"{UNIX}{path}"
    if not path.parent.is_dir():
        raise CannotListen(host, 0, f"there is no directory {path.parent}", errno.ENOENT)
    if path.exists() and not path.is_socket():
        raise CannotListen(host, 0, "the file there is not a socket", errno.EEXIST)


def _files(limit: int, connections: int) -> Finding:
    code, needed = "daemon.open_files", needed_files(connections)
    if limit != resource.RLIM_INFINITY and limit < needed:
        return warning(
            code,
            f"{limit} open files are allowed, but server.max_connections = {connections} needs {needed}",
            f"set LimitNOFILE={needed} in the unit (elsewhere: ulimit -n {needed}), or a smaller server.max_connections",
        )
    return ok(code, "enough open files are allowed for server.max_connections")
