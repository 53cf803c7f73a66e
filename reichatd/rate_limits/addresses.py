"""Which addresses count as one client. Pure."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

_IPV6_PREFIX = 64
"""One customer has a whole /64 at least, so all of its addresses are one client (RFC 6177; RIPE-690)."""
_CACHED = 4096
"""Addresses whose network is remembered, about 1 MB: it takes 10 µs to find out, and every connection asks."""


@lru_cache(_CACHED)
def network_of(address: str) -> str:
    """What a client is counted by: its IPv4 address, or the /64 that its IPv6 address is in.

    Arguments:
        address: an IP address, with or without a zone. Anything else, such as the name of a Unix socket, stands for itself.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    match parsed:
        case IPv4Address():
            return str(parsed)
        case IPv6Address(ipv4_mapped=IPv4Address() as mapped):
            return str(mapped)
        case _:
            bits = int(parsed) >> (128 - _IPV6_PREFIX) << (128 - _IPV6_PREFIX)
            return f"{IPv6Address(bits)}/{_IPV6_PREFIX}"
