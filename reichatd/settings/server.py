"""[server] and [web]."""

from typing import Annotated

from msgspec import Meta

from reichatd.settings.kinds import Count, FilePath, Hosts, Origin, Port, PublicUrl, Seconds
from reichatd.settings.tables import Applied, NewConnections, Table


class ServerSettings(Table, frozen=True):
    """Where the daemon listens, how clients reach it, and how it stops."""

    host: Hosts = "127.0.0.1"
    """Where to listen: host names, addresses ("127.0.0.1", "::1"; "::" is everywhere, by IPv4 and IPv6), and Unix sockets for
    proxies on this machine ("unix:/run/reichatd/http.sock", in a directory that exists). One, or a list: ["127.0.0.1", "::1"].
    Beyond this machine it takes TLS, a trusted proxy, or insecure = true."""

    port: Port = 8000
    """The one port for REST and WebSockets, at all addresses; 0 takes any that is free."""

    unix_mode: Annotated[str, Meta(pattern=r"^0?[0-7]{3}\Z", extra={"allowed": 'three octal digits ("0660")'})] = "0660"
    """The mode of Unix sockets: who may write to the file may connect."""

    public_url: PublicUrl = ""
    """Where clients find it, behind all proxies ("https://chat.example.org", "https://example.org/chat"); `reichatd doctor` tries
    it from outside."""

    max_connections: Applied[Count] = 16_384
    """Connections at once, so that a flood of them cannot use up the open files that the system grants."""

    insecure: bool = False
    """Allow plain HTTP beyond this machine: passwords and messages cross the network readable."""

    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks ("10.0.0.0/8") of reverse proxies, whose word on the client's address and scheme (X-Forwarded-For,
    X-Forwarded-Proto) is trusted; "unix" is all who come by a Unix socket."""

    allowed_origins: Applied[tuple[Origin, ...]] = ()
    """Other sites ("https://chat.example.org") whose pages may use the daemon: call REST (CORS), open sockets; "*" is every
    site."""

    tls_cert: NewConnections[FilePath] = ""
    tls_key: NewConnections[FilePath] = ""
    """The certificate (with its chain) and its key, both PEM, for the daemon to speak TLS on its own; set both or none."""

    hsts_seconds: Applied[Annotated[int, Meta(ge=0, le=315_360_000)]] = 31_536_000
    """How long browsers remember, each time they come by the daemon's own TLS, to come by nothing else
    (Strict-Transport-Security); it holds for all ports of the name, and is not said of localhost and bare addresses. A year; 0:
    it is not said at all. A proxy that speaks TLS says it itself: see the recipes."""

    drain_seconds: Applied[Seconds] = 10.0
    """How long a stop may take to tell the clients and store what was acknowledged, before connections are cut."""

    goodbyes_per_second: Applied[Count] = 2000
    reconnects_per_second: Applied[Count] = 500
    """A stop closes the sockets in batches, this many a second (faster where it would take more than half of drain_seconds), and
    asks each client for a random pause, so that about this many come back a second: all at once would keep the next start
    busy."""

    ready_seconds: Seconds = 2.0
    """How long the store may take to answer, or to commit, before /readyz says 503: this daemon is not ready."""

    control_socket: FilePath = "auto"
    """The socket (mode 0600) by which `reichatd user`, `room` and `stats` reach the running daemon; "auto": control.sock beside
    the data, where the commands find it by the same settings. Empty: none, and what they change is felt later
    (reichatd(8), "Users and rooms")."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """`host`, which may be one or several."""
        return (self.host,) if isinstance(self.host, str) else self.host


class WebSettings(Table, frozen=True):
    """The web client."""

    enabled: bool = True
    """Serve the web client to browsers that open the root. What it needs is in the public API: off, nothing else changes."""
