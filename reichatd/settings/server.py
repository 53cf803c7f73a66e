"""The tables [server] and [web]."""

from typing import Annotated

from msgspec import Meta

from reichatd.settings.kinds import Count, FilePath, Hosts, InstanceName, Origin, Port, PublicUrl, Seconds
from reichatd.settings.tables import Applied, NewConnections, Table


class ServerSettings(Table, frozen=True):
    """Where the daemon listens, how clients reach it, and how it stops."""

    host: Hosts = "127.0.0.1"
    """Where to listen: a host name, an IP address, or a Unix socket for a proxy on this machine ("unix:/run/reichatd/http.sock";
    the directory must exist). Several go into a list: ["127.0.0.1", "::1"]. "::" means all addresses, IPv4 and IPv6. An address
    that other machines can reach needs TLS, a trusted proxy, or insecure = true."""

    port: Port = 8000
    """The port for REST and WebSockets, the same at all addresses. 0 takes any free port."""

    unix_mode: Annotated[str, Meta(pattern=r"^0?[0-7]{3}\Z", extra={"allowed": 'three octal digits ("0660")'})] = "0660"
    """The file mode of Unix sockets. Anyone who may write to the file may connect."""

    public_url: PublicUrl = ""
    """The URL that clients use; with a proxy, that of the proxy ("https://chat.example.org", "https://example.org/chat").
    `reichatd doctor` tests it from the outside."""

    max_connections: Applied[Count] = 16_384
    """The most connections at once, so that a flood cannot use up the open files that the system allows. For a further one, the
    connection is closed that has been idle longest without a login; if there is none, the new one waits."""

    insecure: bool = False
    """Allow plain HTTP from other machines. Passwords and messages then cross the network unencrypted."""

    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks ("10.0.0.0/8") of reverse proxies. The client's address and scheme are taken from their headers
    (X-Forwarded-For, X-Forwarded-Proto). "unix" means every connection over a Unix socket."""

    allowed_origins: Applied[tuple[Origin, ...]] = ()
    """Other web sites ("https://www.example.org") whose pages may call REST (CORS) and open WebSockets here. "*" allows every
    site."""

    tls_cert: NewConnections[FilePath] = ""
    tls_key: NewConnections[FilePath] = ""
    """TLS without a proxy: the files of the certificate (with its chain) and of its key, both PEM. Set both or neither."""

    hsts_seconds: Applied[Annotated[int, Meta(ge=0, le=315_360_000)]] = 31_536_000
    """With the daemon's own TLS: for how long browsers must use only TLS with this host name, on all its ports
    (Strict-Transport-Security). The default is a year; 0 sends no such header. It is never sent for localhost and IP addresses. A
    TLS proxy sends the header itself: see the examples for Caddy and nginx."""

    drain_seconds: Applied[Seconds] = 10.0
    """How long a stop may take to answer requests and close WebSockets. Connections that are left then are cut."""

    goodbyes_per_second: Applied[Count] = 2000
    reconnects_per_second: Applied[Count] = 500
    """A stop closes WebSockets in batches, goodbyes_per_second of them each second, or faster if that would take more than half of
    drain_seconds. Each client is asked to wait for a random time, so that about reconnects_per_second return each second and do
    not overload the next start."""

    ready_seconds: Seconds = 2.0
    """How long the store may take to answer or to commit. After that, /readyz returns 503 (not ready)."""

    control_socket: FilePath = "auto"
    """The Unix socket (mode 0600) through which commands such as `reichatd user`, `room` and `stats` reach the running daemon.
    "auto" is control.sock beside the data; the commands find it there with the same settings. Empty: no socket. The commands then
    work on the store, and the daemon notices their changes later (reichatd(8), "Users and rooms")."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """`host` as a tuple."""
        return (self.host,) if isinstance(self.host, str) else self.host


class WebSettings(Table, frozen=True):
    """The web client."""

    enabled: bool = True
    """Serve the web client at the root (/). It uses only the public API, so other clients do not depend on this."""

    name: Applied[InstanceName] = "reichatd"
    """The name of this instance, 1 to 40 characters: the title of the page, the name of the installed app, and the sender of
    mails, unless mail.sender has a name."""

    logo: Applied[FilePath] = ""
    """The instance's own logo, a file of at most 256 KiB: an SVG, preferably square, or a square PNG of 192 to 1024 pixels. The
    page shows it above the rooms and in its tab; it is also the icon of the installed app (on iPhones only a PNG). A reload reads
    the file again. Empty: reichatd's own icon."""
