"""Who a request comes from, behind proxies that are trusted to tell. Pure."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from reichatd.hosts import UNIX_PEER


class RequestOrigin(NamedTuple):
    """Where a request came from: an address, and "http" or "https" as the client spoke it."""

    address: str
    scheme: str


class Proxies:
    """The proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.

    Arguments:
        trusted: addresses and networks (CIDR), and "unix" for all who come by a Unix socket.
    """

    def __init__(self, trusted: Sequence[str]) -> None:
        self._by_unix = UNIX_PEER in trusted
        networks = [each for each in trusted if each != UNIX_PEER]
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(each, strict=False) for each in networks]

    def __bool__(self) -> bool:
        return self._by_unix or bool(self._networks)

    def origin(self, peer: RequestOrigin, forwarded_for: str, forwarded_proto: str) -> RequestOrigin:
        """The client's address and scheme: the peer's own unless it is a trusted proxy.

        Arguments:
            forwarded_for, forwarded_proto: the values of the headers, joined by commas; "" if they are absent.

        Of several addresses the last one counts that is no trusted proxy: what stands before it the client may have made up. What
        is no address at all a proxy has only passed on.
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
        """Whether this is the address of one of them; False for what is no address."""
        if address == UNIX_PEER:
            return self._by_unix
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
