"""The hosts in the settings: a name, an IPv4 or IPv6 address, or the path of a Unix socket. Pure."""

import ipaddress
import re

UNIX = "unix:"
"""The prefix of the path of a Unix socket."""
UNIX_PEER = "unix"
"""Stands for the address of a client of a Unix socket, which has none."""
ANY_IPV6 = "::"
"""All addresses of a machine. In the settings, those of IPv4 too, as in most other programs."""
ANY_IPV4 = "0.0.0.0"

# No commas: in the environment they separate several hosts.
_HOST = re.compile(r"unix:/[^\x00-\x1f\x7f,]+|(?!unix:)[^\s\x00-\x1f\x7f/@,]+")


def unix_path(host: str) -> str:
    """The path of a Unix socket; "" if the host is not a Unix socket."""
    return host.removeprefix(UNIX) if host.startswith(UNIX) else ""


def bare(host: str) -> str:
    """The host without the brackets of a URL: `[::1]` and `::1` are the same host."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def with_port(host: str, port: int) -> str:
    """The host and port as in a URL. A Unix socket stays as it is: it has no port."""
    if unix_path(host):
        return host
    return f"[{bare(host)}]:{port}" if ":" in host else f"{host}:{port}"


def is_well_formed(host: str) -> bool:
    """Whether this can be a host. One with colons must be an IPv6 address: the port is another setting."""
    if not _HOST.fullmatch(host):
        return False
    if unix_path(host) or not set(host) & set(":[]"):
        return True
    try:
        return bool(ipaddress.IPv6Address(bare(host)))
    except ValueError:
        return False


def is_local(host: str) -> bool:
    """Whether only this machine can reach the host. Names other than localhost are not looked up."""
    if unix_path(host):
        return True
    try:
        return ipaddress.ip_address(bare(host)).is_loopback
    except ValueError:
        return host.lower() == "localhost"
