"""[storage] and [storage.mongodb]."""

from typing import Literal

from msgspec import field

from reichatd.mongouri import database_in
from reichatd.settings.kinds import DatabaseName, FilePath, MongoURI, Seconds
from reichatd.settings.tables import Table

DEFAULT_DATABASE = "reichatd"
"""The MongoDB database, if neither the settings nor the URI name one."""


class MongoDBSettings(Table, frozen=True):
    """The MongoDB server, with storage.backend = "mongodb"."""

    uri: MongoURI = "mongodb://127.0.0.1:27017"
    """Where the server is. With a password in it, it is better set in the environment than in a file that many may read."""

    database: DatabaseName = ""
    """The database, which is made when it is missing; empty: the one that the URI names (mongodb://host/chat), or else
    "reichatd". Where the path of the URI only says where its user is kept, write ?authSource= instead; "admin" is always meant
    so."""

    timeout_seconds: Seconds = 5.0
    """How long one operation may take before the store counts as down."""

    @property
    def store_database(self) -> str:
        """The database that the store is in."""
        return self.database or database_in(self.uri) or DEFAULT_DATABASE


class StorageSettings(Table, frozen=True):
    """Where rooms, people and messages are kept."""

    backend: Literal["sqlite", "mongodb"] = "sqlite"
    """"sqlite" needs nothing installed; "mongodb" is for those who run one, and for several daemons on one store."""

    path: FilePath = ""
    """The SQLite file; empty: reichatd.sqlite3 in the user's data directory, or in systemd's StateDirectory."""

    mongodb: MongoDBSettings = field(default_factory=MongoDBSettings)
