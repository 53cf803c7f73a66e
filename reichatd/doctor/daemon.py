"""The daemon on this machine: does it run, can it, has it room for its connections."""

import errno
import resource
import socket
import time

import msgspec
import trio

from reichatd.accounts.keys import Keys
from reichatd.config import Server
from reichatd.doctor.findings import Finding, Note, error, ok, skipped, warning
from reichatd.doctor.network import Address, Answer, Strange, get
from reichatd.doctor.patient import Patient
from reichatd.gateway.door import needed_files

_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
_REMEDIES = {
    errno.EADDRINUSE: "end the other program, or set another server.port",
    errno.EACCES: "a port below 1024 is root's: set one above, with a proxy before it, or grant CAP_NET_BIND_SERVICE",
    errno.EADDRNOTAVAIL: "set server.host to an address of this machine",
}


class Seen(msgspec.Struct):
    """What the daemon says of a request (`GET /doctor`)."""

    peer: str
    client: str
    forwarded_for: str
    open_files: int


async def check(patient: Patient, note: Note) -> None:
    server = patient.settings.server
    own = own_address(server)
    if not server.port:
        note(skipped("daemon.running", "server.port is 0: where it listens is known to itself alone"))
        return
    try:
        answer = await get(own, "/healthz", verify=False)
    except OSError:
        note(skipped("daemon.running", f"it does not run: nobody listens at {own}"))
        note(await trio.to_thread.run_sync(_can_listen, server))
        note(_files(resource.getrlimit(resource.RLIMIT_NOFILE)[1], server.max_connections))
        return
    except (Strange, trio.BrokenResourceError) as problem:
        note(error("daemon.running", f"at {own} somebody else listens: {problem}", _REMEDIES[errno.EADDRINUSE]))
        return
    if not is_ours(answer):
        found = f"at {own} somebody else listens, or the event loop is stuck: status {answer.status}"
        note(error("daemon.running", found, _REMEDIES[errno.EADDRINUSE]))
        return
    note(ok("daemon.running", f"it runs, and answers at {own}"))
    if patient.secret is not None:
        answer = await get(own, "/doctor", verify=False, Authorization=credentials(patient.secret))
        if answer.status == 200:
            note(_files(msgspec.json.decode(answer.body, type=Seen).open_files, server.max_connections))
    answer = await get(own, "/readyz", verify=False)
    note(_ready(answer))


def own_address(server: Server) -> Address:
    """Where the daemon is to be found from this machine."""
    return Address(bool(server.tls_cert), _ANYWHERE.get(server.host, server.host), server.port, "")


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


def _can_listen(server: Server) -> Finding:
    code = "daemon.port"
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            server.host, server.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind, protocol) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind(address)
    except OSError as problem:
        found = f"{server.host}:{server.port} is not to be had: {problem.strerror}"
        return error(code, found, _REMEDIES.get(problem.errno or 0, "see server.host and server.port"))
    return ok(code, f"{server.host}:{server.port} is free")


def _files(limit: int, connections: int) -> Finding:
    code, needed = "daemon.open_files", needed_files(connections)
    if limit != resource.RLIM_INFINITY and limit < needed:
        return warning(
            code,
            f"{limit} open files are allowed, server.max_connections = {connections} takes {needed}",
            f"LimitNOFILE={needed} in the unit (elsewhere: ulimit -n {needed}), or a smaller server.max_connections",
        )
    return ok(code, "as many open files are allowed as server.max_connections takes")
