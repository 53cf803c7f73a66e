"""The client's address and scheme, as trusted proxies report them. Pure."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from reichatd.hosts import UNIX_PEER


class RequestOrigin(NamedTuple):
    """The address a request comes from, and the scheme that the client used: "http" or "https"."""

    address: str
    scheme: str


class Proxies:
    """The proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted.

    Arguments:
        trusted: addresses and networks (CIDR), and "unix" for every client of a Unix socket.
    """

    def __init__(self, trusted: Sequence[str]) -> None:
        self._trusts_unix = UNIX_PEER in trusted
        networks = [each for each in trusted if each != UNIX_PEER]
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(each, strict=False) for each in networks]

    def __bool__(self) -> bool:
        return self._trusts_unix or bool(self._networks)

    def origin(self, peer: RequestOrigin, forwarded_for: str, forwarded_proto: str) -> RequestOrigin:
        """The client's address and scheme: the peer's own unless it is a trusted proxy.

        Arguments:
            forwarded_for, forwarded_proto: the values of the headers, joined by commas; "" if they are absent.

        Of several addresses, the last one that is not a trusted proxy counts: the client can invent those before it. A value that
        is not an address ends the search, since a proxy has only passed it on.
        """
        if not self.trusts(peer.address):
            return peer
        address = peer.address
        for hop in reversed([each.strip() for each in forwarded_for.split(",") if each.strip()]):
            if not _is_address(hop):
                break
            address = hop
            if not self.trusts(hop):
                break
        scheme = forwarded_proto.rpartition(",")[2].strip().lower()
        return RequestOrigin(address, scheme if scheme in ("http", "https") else peer.scheme)

    def trusts(self, address: str) -> bool:
        """Whether this is the address of a trusted proxy; False for text that is not an address."""
        if address == UNIX_PEER:
            return self._trusts_unix
        if not self._networks:
            return False  # at once: every connection asks
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None)
        return any((mapped or parsed) in network for network in self._networks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
