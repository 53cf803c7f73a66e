"""The tables [storage] and [storage.mongodb]."""

from typing import Annotated, Literal

from msgspec import Meta, field

from reichatd.mongouri import database_in
from reichatd.settings.kinds import DatabaseName, FilePath, MongoURI, Seconds
from reichatd.settings.tables import Applied, Table

DEFAULT_DATABASE = "reichatd"
"""The MongoDB database, if neither the settings nor the URI name one."""


class MongoDBSettings(Table, frozen=True):
    """The MongoDB server. Used with storage.backend = "mongodb"."""

    uri: MongoURI = "mongodb://127.0.0.1:27017"
    """The URI of the server. If it contains a password, set it in the environment, or let no other user read this file."""

    database: DatabaseName = ""
    """The database; it is created if it does not exist. Empty: the one in the path of the URI (mongodb://host/chat), or else
    "reichatd". If the path names only the database of the login, write ?authSource= instead. A path "admin" always means the
    login."""

    timeout_seconds: Seconds = 5.0
    """How long one operation may take. After that, the store counts as unavailable."""

    heartbeat_seconds: Annotated[float, Meta(ge=0.1, le=60)] = 2.0
    lease_seconds: Annotated[float, Meta(ge=0.5, le=600)] = 10.0
    """How often a daemon tells the others on the database that it runs, and how long that is valid. One of them does the
    housekeeping; if it is killed, another takes over after lease_seconds. A standalone server allows one daemon only: after that
    one was killed, a daemon on another machine waits as long."""

    feed_interval_seconds: Annotated[float, Meta(ge=0, le=1)] = 0.01
    """How long a daemon that was told what others on the database have stored waits before it asks for more. A longer time takes
    less of the processor, and what was posted at another daemon is shown up to that much later. If it is more than
    limits.gap_seconds, raise that too: otherwise the daemon reads from the store what it is about to be told."""

    @property
    def store_database(self) -> str:
        """The database of the store."""
        return self.database or database_in(self.uri) or DEFAULT_DATABASE


class StorageSettings(Table, frozen=True):
    """Where users, rooms and messages are stored."""

    backend: Literal["sqlite", "mongodb"] = "sqlite"
    """"sqlite" needs no other software. "mongodb" needs a MongoDB server, and allows several daemons on one store if that server is
    a replica set or a cluster."""

    path: FilePath = ""
    """The SQLite file. Empty: reichatd.sqlite3 in systemd's StateDirectory, or else in the user's data directory."""

    min_free_bytes: Applied[Annotated[int, Meta(ge=0, le=1_000_000_000_000_000)]] = 67_108_864
    """Posts are refused while the disk with the SQLite file has less free space than this, in bytes: a full disk would also stop
    logins, and a backup needs space. 0: until the disk is full. It has no effect with MongoDB, whose disk is not visible here."""

    rewrite_hour: Annotated[int, Meta(ge=0, le=23)] = 4
    """The hour of the day, in local time, in which the SQLite file is rewritten if messages were edited or deleted since the last
    time. SQLite may have left copies of old texts in parts of the file that are not in use; then there are none."""

    rewrite_mib: Annotated[int, Meta(ge=0, le=1_048_576)] = 256
    """A larger SQLite file is not rewritten, in MiB: posts wait meanwhile, about a second for each 100 MiB on a fast disk, and the
    disk needs that much free space twice. 0: never."""

    mongodb: MongoDBSettings = field(default_factory=MongoDBSettings)
