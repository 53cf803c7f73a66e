"""Where a daemon listens, as the settings spell it: a name, an IPv4 or IPv6 address, or the path of a Unix socket. Pure."""

import ipaddress
import re

UNIX = "unix:"
"""What stands before a path."""
UNIX_PEER = "unix"
"""The address of a client that came by a Unix socket: these have none of their own."""
ANY_IPV6 = "::"
"""All addresses of a machine; those of IPv4 too, as everywhere else that takes it for "all"."""
ANY_IPV4 = "0.0.0.0"

# No commas: in the environment they separate several hosts.
_HOST = re.compile(r"unix:/[^\x00-\x1f\x7f,]+|(?!unix:)[^\s\x00-\x1f\x7f/@,]+")


def unix_path(host: str) -> str:
    """The path of a Unix socket; "" where the host is not one."""
    return host.removeprefix(UNIX) if host.startswith(UNIX) else ""


def bare(host: str) -> str:
    """Without the brackets of a URL: `[::1]` and `::1` are the same host."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def with_port(host: str, port: int) -> str:
    """As it stands in a URL; a Unix socket has no port."""
    if unix_path(host):
        return host
    return f"[{bare(host)}]:{port}" if ":" in host else f"{host}:{port}"


def is_well_formed(host: str) -> bool:
    """Whether this may be a host at all. What has colons is an IPv6 address: a port is a setting of its own."""
    if not _HOST.fullmatch(host):
        return False
    if unix_path(host) or not set(host) & set(":[]"):
        return True
    try:
        return bool(ipaddress.IPv6Address(bare(host)))
    except ValueError:
        return False


def is_local(host: str) -> bool:
    """Whether only this machine can reach it; names other than localhost are not looked up."""
    if unix_path(host):
        return True
    try:
        return ipaddress.ip_address(bare(host)).is_loopback
    except ValueError:
        return host.lower() == "localhost"
