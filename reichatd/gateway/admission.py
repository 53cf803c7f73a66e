"""Which connections are admitted, and which one makes room for another.

A *stranger* is a connection on which no request and no socket has been authenticated yet. It is *idle* while the daemon waits for
its client: for a handshake, a request, a body, the reading of a response, or a close; and while a refusal is held back. Only idle
strangers are displaced: an honest client is seldom one, and then not for long; whoever holds connections to use them up is one all
the time.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from http import HTTPStatus
from itertools import islice
from typing import Protocol

import structlog

from reichatd.gateway.forwarded import Proxies, RequestOrigin
from reichatd.gateway.lingering_close import GatewayRefusal
from reichatd.hosts import UNIX_PEER
from reichatd.rate_limits import Refusals, network_of
from reichatd.settings import LimitSettings, LiveSettings

PER_ADDRESS = "connections_per_address"
STRANGERS = "strangers_per_address"
FULL = "max_connections"
"""Counted when a connection is displaced because there are `server.max_connections`."""
_RETRY_SECONDS = 10
_LOG_SECONDS = 60.0
_MAX_BUSY = 16
"""Idle strangers looked at for one that has sent nothing; those that have are busy from the next round of the event loop on."""

TOO_MANY_CONNECTIONS = GatewayRefusal(
    HTTPStatus.TOO_MANY_REQUESTS,
    "rate_limited",
    "Too many connections from your address",
    (("Retry-After", str(_RETRY_SECONDS)),),
)

log = structlog.get_logger()


class TooManyConnections(Exception):
    """The client has as many connections as one may have, and none of them can be displaced."""


class ClientStream(Protocol):
    """The part of a stream that a displacement needs."""

    def close(self) -> None:
        """Closes the connection without waiting; its task gets ClosedResourceError."""

    def has_unread(self) -> bool:
        """Whether the client has sent something that the connection's task has not received yet."""


class _Client:
    """The connections of one client: of an IPv4 address, or of an IPv6 /64."""

    __slots__ = ("connections", "idle", "network", "strangers")

    def __init__(self, network: str) -> None:
        self.network = network
        self.connections = 0
        self.strangers = 0
        self.idle: OrderedDict[Admission, None] = OrderedDict()
        """The idle strangers among them, the longest idle first."""

    def reached(self, limits: LimitSettings) -> str | None:
        """The limit that allows no further connection, which is a stranger at first."""
        if 0 < limits.connections_per_address <= self.connections:
            return PER_ADDRESS
        return STRANGERS if 0 < limits.strangers_per_address <= self.strangers else None


class Admissions:
    """Admits connections, and counts them by client. Nothing waits; all calls come from the event loop.

    Not counted, and never displaced: connections of Unix sockets and of trusted proxies. From a request on that says which client
    it is of, a proxy's connection counts as that client's, until the request ends.

    Arguments:
        refusals: told of each connection that is refused or displaced.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        settings: LiveSettings,
        proxies: Proxies,
        refusals: Refusals,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.proxies = proxies
        self._settings = settings
        self._refusals = refusals
        self._clients: dict[str, _Client] = {}
        self._clock = clock
        self._full_logged_at = -_LOG_SECONDS  # when it was last logged that there is no room, by the clock
        self._idle: OrderedDict[Admission, None] = OrderedDict()  # all idle strangers, the longest idle first

    def admit(self, address: str, stream: ClientStream) -> "Admission":
        """Counts a new connection. `Admission.leave` must follow.

        Arguments:
            address: of its peer.
            stream: of the connection.

        Raises:
            TooManyConnections
        """
        admission = Admission(self, address, stream)
        if address != UNIX_PEER and not self.proxies.trusts(address):
            admission._count_for(address)
        return admission

    def displace(self) -> bool:
        """Closes the longest idle stranger to make room, since there are `server.max_connections`. False if there is none."""
        if not _displace_first(self._idle):
            return False
        self._refusals.counts[FULL] += 1
        if (now := self._clock()) - self._full_logged_at >= _LOG_SECONDS:
            self._full_logged_at = now
            log.info("connections full, closing idle ones", closed=self._refusals.counts[FULL])
        return True

    def __len__(self) -> int:
        """How many clients there are."""
        return len(self._clients)


class Admission:
    """One admitted connection. Its task calls everything but `displace`."""

    __slots__ = ("_admissions", "_client", "_is_reading", "_is_stranger", "_stream", "address", "peer")

    def __init__(self, admissions: Admissions, peer: str, stream: ClientStream) -> None:
        self.peer = peer
        """The address of the connection's other end."""
        self.address = peer
        """The client's address: another one than the peer's if a trusted proxy forwards its request."""
        self._admissions = admissions
        self._stream = stream
        self._client: _Client | None = None  # None: not counted
        self._is_stranger = True
        self._is_reading = True  # while idle: whether what the client sends ends the idling

    def begin_request(self, forwarded_for: str) -> None:
        """A request's head has come. `end_request` must follow, or `leave`.

        Arguments:
            forwarded_for: the header X-Forwarded-For, of a trusted proxy; ignored otherwise.

        Raises:
            TooManyConnections: the client that the proxy names has too many.
        """
        proxies = self._admissions.proxies
        if proxies.trusts(self.peer):
            self.address = proxies.origin(RequestOrigin(self.peer, "http"), forwarded_for, "").address
            if not proxies.trusts(self.address):
                self._count_for(self.address)

    def end_request(self) -> None:
        """The request is answered. The next one on a proxy's connection may be of another client."""
        if self._client is not None and self._admissions.proxies.trusts(self.peer):
            self.leave()

    def authenticated(self) -> None:
        """The client has shown who it is: it is no stranger any more."""
        if self._is_stranger:
            self._end_idle()
            self._is_stranger = False
            if self._client is not None:
                self._client.strangers -= 1

    @contextmanager
    def idle(self, *, is_reading: bool = True) -> Iterator[None]:
        """The daemon waits for the client. A stranger may be displaced meanwhile.

        Arguments:
            is_reading: whether what the client sends is read now. If it is not, sending more does not make the client busy.
        """
        self._is_reading = is_reading
        if self._is_stranger and self._client is not None:
            self._client.idle[self] = self._admissions._idle[self] = None
        try:
            yield
        finally:
            self._end_idle()

    def held_back(self) -> AbstractContextManager[None]:
        """An answer is delayed meanwhile, without work on it: idle, but not behind a proxy.

        A proxy takes a connection that ends without an answer for a fault of the daemon, and may send it no requests for a while.
        """
        return self.idle(is_reading=False) if self.address == self.peer else nullcontext()

    def displace(self) -> bool:
        """Closes this connection to make room for another. False if its client has just sent something: then it is not idle."""
        if self._is_reading and self._stream.has_unread():
            return False
        self.leave()
        self._stream.close()
        return True

    def leave(self) -> None:
        """The connection ends, and counts no more. May be called again."""
        client, self._client = self._client, None
        if client is None:
            return
        self._admissions._idle.pop(self, None)
        client.idle.pop(self, None)
        client.connections -= 1
        client.strangers -= self._is_stranger
        if not client.connections:
            del self._admissions._clients[client.network]

    def _end_idle(self) -> None:
        if self._client is not None:
            self._client.idle.pop(self, None)
            self._admissions._idle.pop(self, None)

    def _count_for(self, address: str) -> None:
        """Counts the connection as a stranger of this client, which may cost the client another one."""
        admissions, network = self._admissions, network_of(address)
        client = admissions._clients.get(network)
        if client is not None and (limit := client.reached(admissions._settings.limits)):
            admissions._refusals.note(limit, client=address, retry_after=_RETRY_SECONDS)
            if not _displace_first(client.idle):
                raise TooManyConnections
        self._client = client = admissions._clients.setdefault(network, client or _Client(network))
        self._is_stranger = True
        client.connections += 1
        client.strangers += 1


def _displace_first(idle: OrderedDict[Admission, None]) -> bool:
    """Displaces the longest idle one. False if there is none."""
    return any(admission.displace() for admission in list(islice(idle, _MAX_BUSY)))
