"""The settings: what they are called, what they may be, what they are if nobody says.

Frozen, typed, and pure: this module reads no file and no environment (`reichatd.cli.settings` does). Each field is
a key of the TOML file, in the table of its struct; its unit is in its name or its comment. `etc/reichatd.toml` is the manual for
operators. What a type cannot say, because it takes two keys or more than a pattern, is in `reichatd.cli.rules`.
"""

from collections.abc import Collection, Iterator
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import Meta, field

from reichatd.mongouri import database_in

DEFAULT_DATABASE = "reichatd"
"""The MongoDB database, if neither the settings nor the URI name one."""

HIDDEN = "…"
"""What stands where a secret would."""

Port = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Bytes = Annotated[int, Meta(ge=1024, le=1_073_741_824)]
Text = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]*\Z", extra={"allowed": "text without control characters"})]
Secret = Annotated[str, Meta(extra={"secret": True})]
Host = Annotated[str, Meta(pattern=r"^[^\s\x00-\x1f\x7f/@]+\Z", extra={"allowed": "a host name or an address"})]
Hosts = Annotated[
    # What each may be is a rule: msgspec 0.22 corrupts memory where a member of a union has a pattern (msgspec#717).
    str | tuple[str, ...],
    Meta(extra={"allowed": 'a host name, an address or "unix:/path/of/a.sock", or a list of them'}),
]
FilePath = Annotated[
    str,
    # "~" would be a folder of that name: only a shell expands it.
    Meta(pattern=r"^(?!~)[^\x00-\x1f\x7f]*\Z", extra={"allowed": "the path of a file, written out (no ~)"}),
]
Origin = Annotated[
    str,
    Meta(
        # As a browser sends it: lower case, nothing behind the host, no port where it is the scheme's own.
        pattern=r"^(?!http://.*:80\Z)(?!https://.*:443\Z)"
        r"(\*|[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?)\Z",
        extra={"allowed": 'scheme://host[:port] as a browser sends it (https://chat.example.org), or "*"'},
    ),
]
PublicUrl = Annotated[
    str,
    Meta(
        pattern=r"^(https?://([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?)?\Z",
        extra={"allowed": "http(s)://host[:port][/path]"},
    ),
]
MailAddress = Annotated[
    str,
    Meta(
        pattern=r"^(?P<open>[^<>\"@,;:()\[\]\\\x00-\x1f\x7f]*<|\"[^\"\\\x00-\x1f\x7f]*\" ?<)?"
        r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(?(open)>)\Z",
        extra={"allowed": "an address (chat@example.org), or a name and an address (Chat <chat@example.org>)"},
    ),
]
EhloName = Annotated[
    str,
    Meta(
        # RFC 5321, 4.1.2 and 4.1.3. That a literal is an address is in the rules.
        pattern=r"^(?:(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
        r"|\[(?:IPv6:)?[0-9A-Fa-f:.]+\])?\Z",
        extra={
            "allowed": "a full domain name (chat.example.org), or an address in brackets ([192.0.2.1], [IPv6:2001:db8::1])"
        },
    ),
]
MongoURI = Annotated[
    str,
    Meta(
        pattern=r"^mongodb(\+srv)?://[^\s\x00-\x1f\x7f]+\Z",
        extra={"secret": True, "allowed": "mongodb://… or mongodb+srv://…"},
    ),
]
DatabaseName = Annotated[
    str,
    Meta(
        max_length=63,
        pattern=r'^[^/\\. "$\x00-\x1f\x7f]*\Z',
        extra={"allowed": 'a name of 1 to 63 characters without / \\ . " $ or space'},
    ),
]


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the settings file. Its repr, which may end in a log, shows no secret."""

    def __rich_repr__(self) -> Any:  # noqa: ANN401 - msgspec's own protocol for repr
        for info in msgspec.structs.fields(self):
            value = getattr(self, info.name)
            yield info.name, HIDDEN if is_secret(info) and value else value

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({inner})"


AnyTable = TypeVar("AnyTable", bound=Table)


def is_secret(info: msgspec.structs.FieldInfo) -> bool:
    """Whether the value of this field must never be shown."""
    metadata = msgspec.inspect.type_info(info.type)
    return isinstance(metadata, msgspec.inspect.Metadata) and bool((metadata.extra or {}).get("secret"))


class Server(Table, frozen=True):
    host: Hosts = "127.0.0.1"
    port: Port = 8000
    """Of all hosts but Unix sockets."""
    unix_mode: Annotated[str, Meta(pattern=r"^0?[0-7]{3}\Z", extra={"allowed": 'three octal digits ("0660")'})] = "0660"
    """Of the Unix sockets among the hosts."""
    public_url: PublicUrl = ""
    """Where clients find the daemon, behind all proxies; empty: not known."""
    max_connections: Count = 16_384
    insecure: bool = False
    """Plain HTTP beyond the loopback interface; only for networks that are trusted throughout."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks (CIDR), or "unix", whose X-Forwarded-For and X-Forwarded-Proto are trusted."""
    allowed_origins: tuple[Origin, ...] = ()
    """Origins of other sites (https://chat.example.org) whose pages may call and open sockets here; "*" is every site."""
    tls_cert: FilePath = ""
    tls_key: FilePath = ""
    hsts_seconds: Annotated[int, Meta(ge=0, le=315_360_000)] = 31_536_000
    """For how long a browser that came by our own TLS comes by nothing else; 0: Strict-Transport-Security is not sent."""
    drain_seconds: Seconds = 10.0
    """What is left of a stop, from the signal on, before connections are cut."""
    goodbyes_per_second: Count = 2000
    """How fast sockets are closed at a stop; faster where that would take more than half of drain_seconds."""
    reconnects_per_second: Count = 500
    """How many clients are asked to come back in a second behind a stop; each is told a random delay."""
    ready_seconds: Seconds = 2.0
    """How long the store may take to answer, or to commit, before /readyz says that the daemon is not ready."""
    control_socket: FilePath = "auto"
    """Where administrators' commands reach the daemon; "auto": control.sock beside the data; empty: nowhere."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """`host`, which may be one or several."""
        return (self.host,) if isinstance(self.host, str) else self.host


class MongoDB(Table, frozen=True):
    uri: MongoURI = "mongodb://127.0.0.1:27017"
    database: DatabaseName = ""
    """Empty: the one that the URI names, or else "reichatd"."""
    timeout_seconds: Seconds = 5.0

    @property
    def store_database(self) -> str:
        """The database that the store is in."""
        return self.database or database_in(self.uri) or DEFAULT_DATABASE


class Storage(Table, frozen=True):
    backend: Literal["sqlite", "mongodb"] = "sqlite"
    path: FilePath = ""
    """The SQLite file; empty: reichatd.sqlite3 in the user's data directory."""
    mongodb: MongoDB = field(default_factory=MongoDB)


class Auth(Table, frozen=True):
    secret_key: Secret = ""
    """The secret itself, from the environment; a file is better (secret_key_file)."""
    secret_key_file: FilePath = ""
    """Empty: secret.key beside the data, made at the first start."""
    access_token_minutes: Annotated[float, Meta(gt=0, le=1440)] = 15.0
    refresh_token_days: Annotated[float, Meta(gt=0, le=3650)] = 7.0
    verification_code_minutes: Annotated[float, Meta(gt=0, le=1440)] = 10.0
    verification_tries: Annotated[int, Meta(ge=1, le=100)] = 5
    """Codes that may be tried for one address within verification_code_minutes, whatever registrations it has."""
    pending_registrations: Annotated[int, Meta(ge=1, le=100)] = 5
    """Registrations of one address that wait for their codes; the oldest goes when a further one comes."""
    session_cache_seconds: Annotated[float, Meta(ge=0, le=300)] = 5.0
    """How long a session once read counts as read: a logout at another daemon on the store is heard of so much later."""
    session_recheck_seconds: Annotated[float, Meta(ge=0.1, le=3600)] = 30.0
    """How often it is asked whether those with open sockets may still have them, for what was not done through this daemon."""
    ticket_seconds: Annotated[int, Meta(ge=1, le=3600)] = 30
    tickets_per_session: Annotated[int, Meta(ge=1, le=10_000)] = 64
    argon2_time_cost: Annotated[int, Meta(ge=1, le=100)] = 2
    argon2_memory_kib: Annotated[int, Meta(ge=8, le=4_194_304)] = 19_456
    argon2_parallelism: Annotated[int, Meta(ge=1, le=64)] = 1
    argon2_waiting: Count = 64
    """Password checks that may wait for a free core before further ones are answered with 503."""


class Web(Table, frozen=True):
    enabled: bool = True


class Mail(Table, frozen=True):
    backend: Literal["console", "smtp"] = "console"
    host: Host = "localhost"
    port: Port = 587
    tls: Literal["none", "starttls", "tls"] = "starttls"
    username: Text = ""
    password_file: FilePath = ""
    sender: MailAddress = "reichatd <reichatd@localhost>"
    ehlo: EhloName = ""
    """What the daemon calls itself to the mail server; empty: the sender's domain."""
    timeout_seconds: Seconds = 30.0
    attempts: Annotated[int, Meta(ge=0, le=100)] = 0
    """Tries before a mail is given up; 0: as many as fit into the time for which its code is valid."""
    retry_seconds: Seconds = 10.0
    """The wait before the second attempt; each further one doubles it, up to a minute."""
    queue: Count = 1000


class Limits(Table, frozen=True):
    # Accounts and rooms
    password_min: Annotated[int, Meta(ge=1, le=1024)] = 8
    password_max: Annotated[int, Meta(ge=8, le=4096)] = 128
    username_min: Annotated[int, Meta(ge=1, le=128)] = 3
    username_max: Annotated[int, Meta(ge=1, le=128)] = 32
    room_id_min: Annotated[int, Meta(ge=1, le=128)] = 3
    room_id_max: Annotated[int, Meta(ge=1, le=128)] = 32
    room_name_max: Annotated[int, Meta(ge=1, le=10_000)] = 100
    room_description_max: Annotated[int, Meta(ge=0, le=100_000)] = 1000
    # Conversation
    message_chars: Annotated[int, Meta(ge=1, le=1_000_000)] = 5000
    nonce_chars: Annotated[int, Meta(ge=1, le=1024)] = 64
    fetch_ids: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    initial_before: Annotated[int, Meta(ge=0, le=10_000)] = 30
    initial_after: Annotated[int, Meta(ge=0, le=10_000)] = 50
    messages_per_second: Annotated[float, Meta(ge=0, le=1_000_000)] = 20.0
    """Per connection; 0 for no limit."""
    messages_burst: Count = 100
    bad_frames_per_minute: Count = 30
    """Per connection; more is a flood, which closes it."""
    posts_in_flight: Annotated[int, Meta(ge=1, le=100_000)] = 256
    """Per connection: posts not yet durable or not yet acknowledged, before it is read no further."""
    # Sockets
    frame_bytes: Bytes = 65_536
    handshake_seconds: Seconds = 10.0
    ping_seconds: Seconds = 20.0
    pong_seconds: Seconds = 20.0
    slow_reader_seconds: Seconds = 30.0
    """How long a peer may take no byte at all while some are waiting for it."""
    close_seconds: Seconds = 2.0
    send_buffer_bytes: Bytes = 131_072
    """The kernel's buffer per WebSocket (Linux doubles it); 4 MiB is the kernel's own most."""
    # HTTP
    head_bytes: Bytes = 16_384
    body_bytes: Bytes = 65_536
    request_seconds: Seconds = 10.0
    keep_alive_seconds: Seconds = 60.0
    control_connections: Annotated[int, Meta(ge=1, le=1000)] = 8
    """Administrators' commands at once, by the control socket."""
    # Logs
    tail_messages: Annotated[int, Meta(ge=1, le=1_000_000)] = 1000
    """Messages of a live room kept in memory, at the most."""
    tail_bytes: Bytes = 1_048_576
    catch_up_bytes: Bytes = 65_536
    """How much a lagging connection, or one that is sent a long answer, is handed at once."""
    commit_posts: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    """Posts in one commit, at the most."""
    commit_interval_seconds: Annotated[float, Meta(ge=0, le=1)] = 0.004
    """How far apart commits begin that follow each other without a pause; 0 for no distance."""


class Retention(Table, frozen=True):
    """For how long messages are kept, in rooms that do not say it themselves; 0 is for ever. Whichever removes more wins."""

    keep_days: Annotated[int, Meta(ge=0, le=36_500)] = 0
    keep_messages: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    interval_minutes: Annotated[float, Meta(gt=0, le=1440)] = 10.0
    """How often the daemon removes what has become too old."""


class Log(Table, frozen=True):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"
    queue_lines: Annotated[int, Meta(ge=1, le=1_000_000)] = 5000
    """Lines of up to 1 KiB that wait while nobody reads standard error; further ones are counted and dropped."""


class Metrics(Table, frozen=True):
    enabled: bool = False
    """Whether /metrics, and /healthz and /readyz, are served on a port of their own."""
    host: Host = "127.0.0.1"
    port: Port = 9464


class Settings(Table, frozen=True):
    """All of it."""

    server: Server = field(default_factory=Server)
    storage: Storage = field(default_factory=Storage)
    auth: Auth = field(default_factory=Auth)
    web: Web = field(default_factory=Web)
    mail: Mail = field(default_factory=Mail)
    limits: Limits = field(default_factory=Limits)
    retention: Retention = field(default_factory=Retention)
    log: Log = field(default_factory=Log)
    metrics: Metrics = field(default_factory=Metrics)


class Reload(Enum):
    """What a reload makes of a key that has changed. The values are for people."""

    APPLIED = "applied"
    NEW_CONNECTIONS = "applied to new connections"
    NEEDS_RESTART = "needs a restart"
    REJECTED = "rejected"


_RELOADS = {
    "server.max_connections": Reload.APPLIED,
    "server.allowed_origins": Reload.APPLIED,
    "server.tls_cert": Reload.NEW_CONNECTIONS,
    "server.tls_key": Reload.NEW_CONNECTIONS,
    "server.hsts_seconds": Reload.APPLIED,
    "server.drain_seconds": Reload.APPLIED,
    "server.goodbyes_per_second": Reload.APPLIED,
    "server.reconnects_per_second": Reload.APPLIED,
    "mail": Reload.APPLIED,
    "limits": Reload.APPLIED,
    "limits.frame_bytes": Reload.NEW_CONNECTIONS,
    "limits.slow_reader_seconds": Reload.NEW_CONNECTIONS,
    "limits.close_seconds": Reload.NEW_CONNECTIONS,
    "limits.send_buffer_bytes": Reload.NEW_CONNECTIONS,
    "limits.head_bytes": Reload.NEW_CONNECTIONS,
    "retention": Reload.APPLIED,
    "log": Reload.APPLIED,
}
"""By key, or by table for the keys of it that are not named. What is not here needs a restart."""


def reload_of(key: str) -> Reload:
    """What a reload makes of the key with this full name."""
    return _RELOADS.get(key) or _RELOADS.get(key.rpartition(".")[0]) or Reload.NEEDS_RESTART


class Change(NamedTuple):
    """A key that two settings differ in. The values are HIDDEN if they are secrets."""

    key: str
    old: Any
    new: Any


def changes(old: Table, new: Table, prefix: str = "") -> Iterator[Change]:
    """What differs between two settings (or two tables of one kind), key by key."""
    for info in msgspec.structs.fields(old):
        key, before, after = prefix + info.name, getattr(old, info.name), getattr(new, info.name)
        if isinstance(before, Table):
            yield from changes(before, after, f"{key}.")
        elif before != after:
            yield Change(key, *((HIDDEN, HIDDEN) if is_secret(info) else (before, after)))


def merged(old: AnyTable, new: AnyTable, keys: Collection[str], prefix: str = "") -> AnyTable:
    """The old settings (or table) with the values of these keys from the new ones."""
    values = {}
    for info in msgspec.structs.fields(old):
        key, before, after = prefix + info.name, getattr(old, info.name), getattr(new, info.name)
        if isinstance(before, Table):
            values[info.name] = merged(before, after, keys, f"{key}.")
        else:
            values[info.name] = after if key in keys else before
    return type(old)(**values)
