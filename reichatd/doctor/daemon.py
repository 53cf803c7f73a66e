"""The daemon on this machine: does it run, can it, has it room for its connections."""

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
    errno.EACCES: "a port below 1024 is root's: set one above, with a proxy before it, or grant CAP_NET_BIND_SERVICE",
    errno.EADDRNOTAVAIL: "set server.host to an address of this machine",
    errno.ENOENT: "make the directory, for the daemon's user (in a unit: RuntimeDirectory=), or name another path in server.host",
    errno.EEXIST: "remove it, or name another path in server.host",
}


class Seen(msgspec.Struct):
    """What the daemon says of a request (`GET /doctor`)."""

    peer: str
    client: str
    forwarded_for: str
    open_files: int
    host: str = ""  # earlier versions do not say


async def check(patient: Target, note: Note) -> None:
    server = patient.settings.server
    own = own_addresses(server)
    if not own:
        note(skipped("daemon.running", "server.port is 0: where it listens is known to itself alone"))
        return
    try:
        answers = {address: await _answers(address) for address in own}
    except _Another as problem:
        note(error("daemon.running", str(problem), _REMEDIES[errno.EADDRINUSE]))
        return
    answering, silent = ([address for address in own if answers[address] is whether] for whether in (True, False))
    if not answering and not silent:
        note(skipped("daemon.running", f"this user may not connect to {_listed(own)}", "run this as the daemon's user"))
        return
    if not answering:
        note(skipped("daemon.running", f"it does not run: nobody listens at {_listed(own)}"))
        note(await trio.to_thread.run_sync(_can_listen, server))
        note(_files(resource.getrlimit(resource.RLIMIT_NOFILE)[1], server.max_connections))
        return
    note(_running(answering, silent))
    one = answering[0]
    if patient.secret is not None:
        answer = await get(one, "/doctor", verify=False, Authorization=credentials(patient.secret))
        if answer.status == 200:
            note(_files(msgspec.json.decode(answer.body, type=Seen).open_files, server.max_connections))
    answer = await get(one, "/readyz", verify=False)
    note(_ready(answer))


def own_addresses(server: ServerSettings) -> list[Address]:
    """Where the daemon is to be found from this machine, as far as that is known."""
    return list(_own_addresses(server))


def _own_addresses(server: ServerSettings) -> Iterator[Address]:
    secure = bool(server.tls_cert)
    for host in server.hosts:
        if path := unix_path(host):
            yield Address(secure, "localhost", 443 if secure else 80, "", path)
        elif server.port:
            yield Address(secure, _ANYWHERE.get(bare(host), bare(host)), server.port, "")


class _Another(Exception):
    """Something else listens where the daemon should. The text says what is known of it."""


async def _answers(address: Address) -> bool | None:
    """Whether the daemon does; False if nobody listens there, None for a Unix socket that is closed to this user.

    Raises: _Another.
    """
    try:
        answer = await get(address, "/healthz", verify=False)
    except PermissionError:
        return None
    except OSError:
        return False
    except (BadAnswer, trio.BrokenResourceError) as problem:
        raise _Another(f"at {address} somebody else listens: {problem}") from problem
    if not is_ours(answer):
        raise _Another(f"at {address} somebody else listens, or the event loop is stuck: status {answer.status}")
    return True


def _running(answering: list[Address], silent: list[Address]) -> Finding:
    code, found = "daemon.running", f"it runs, and answers at {_listed(answering)}"
    if not silent:
        return ok(code, found)
    remedy = "restart it if server.host has changed; with reichatd.socket, what it has as ListenStream= counts instead"
    return warning(code, f"{found}, but not at {_listed(silent)}", remedy)


def _listed(addresses: list[Address]) -> str:
    return " and ".join(map(str, addresses))


def is_ours(answer: Answer) -> bool:
    """Whether this is what the daemon says to /healthz."""
    return answer.status == 200 and answer.body == b'{"message":"ok"}'


def credentials(secret: bytes) -> str:
    """The header that shows the daemon that we have its secret."""
    return f"Bearer {Keys(secret).proof(time.time())}"


def _ready(answer: Answer) -> Finding:
    if answer.status == 200:
        return ok("daemon.ready", "the store answers, messages get written")
    try:
        message = msgspec.json.decode(answer.body, type=dict[str, object])["message"]
    except (msgspec.DecodeError, KeyError):
        message = f"status {answer.status}"
    return error("daemon.ready", f"{message}", "see the findings on the store, and the log: journalctl -u reichatd")


def _can_listen(server: ServerSettings) -> Finding:
    code = "daemon.port"
    try:
        places, without_ipv6 = resolved(server.hosts, server.port)
        for place in places:
            bound(place, server.port).close()
        for path in filter(None, map(unix_path, server.hosts)):
            _can_be_made(Path(path))
    except CannotListen as problem:
        return error(code, str(problem), _REMEDIES.get(problem.number, "see server.host and server.port"))
    lacking = f"; without IPv6, which this machine has not: {', '.join(without_ipv6)}" if without_ipv6 else ""
    return ok(code, f"{' and '.join(with_port(host, server.port) for host in server.hosts)}: free{lacking}")


def _can_be_made(path: Path) -> None:
    """Whether a Unix socket can stand there, as far as that can be seen without trying. Raises: CannotListen."""
    host = f"{UNIX}{path}"
    if not path.parent.is_dir():
        raise CannotListen(host, 0, f"there is no directory {path.parent}", errno.ENOENT)
    if path.exists() and not path.is_socket():
        raise CannotListen(host, 0, "what is there is no socket", errno.EEXIST)


def _files(limit: int, connections: int) -> Finding:
    code, needed = "daemon.open_files", needed_files(connections)
    if limit != resource.RLIM_INFINITY and limit < needed:
        return warning(
            code,
            f"{limit} open files are allowed, server.max_connections = {connections} takes {needed}",
            f"LimitNOFILE={needed} in the unit (elsewhere: ulimit -n {needed}), or a smaller server.max_connections",
        )
    return ok(code, "as many open files are allowed as server.max_connections takes")
