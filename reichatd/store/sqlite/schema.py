"""The tables and their migrations.

A room's log is a range of one b-tree: the rowid of a message is the room's `pk` in the upper 32 bits and the message id in the
lower ones. So a page of history is one range scan, and the end of a log one seek.
"""

from sqlite3 import Connection

from reichatd.store.errors import NewerSchema, StoreError

APPLICATION_ID = 0x52656963  # "Reic"

SECOND_OF_PAIR = "substr(direct, instr(direct, ' ') + 1)"
"""The second user of a direct conversation (`direct_pair`), as an index has it: a query must say it in the same words."""

NEW_TOKEN = "lower(hex(randomblob(4)))"
"""A new token of a log, in SQL."""

MIGRATIONS: list[tuple[str, ...]] = [
    (
        """
        CREATE TABLE users (
            user_id TEXT NOT NULL PRIMARY KEY,
            email TEXT NOT NULL COLLATE NOCASE UNIQUE,
            username TEXT NOT NULL,
            password_hash TEXT NOT NULL,
            created_at REAL NOT NULL
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE registrations (
            email TEXT NOT NULL COLLATE NOCASE PRIMARY KEY,
            username TEXT NOT NULL,
            password_hash TEXT NOT NULL,
            code_hash TEXT NOT NULL,
            tries_left INTEGER NOT NULL,
            expires_at REAL NOT NULL
        ) WITHOUT ROWID
        """,
        "CREATE INDEX registrations_by_end ON registrations (expires_at)",
        """
        CREATE TABLE sessions (
            session_id TEXT NOT NULL PRIMARY KEY,
            user_id TEXT NOT NULL,
            refresh_hash TEXT NOT NULL UNIQUE,
            created_at REAL NOT NULL,
            expires_at REAL NOT NULL
        ) WITHOUT ROWID
        """,
        "CREATE INDEX sessions_by_user ON sessions (user_id)",
        "CREATE INDEX sessions_by_end ON sessions (expires_at)",
        # AUTOINCREMENT: a pk is not reused, since messages of a deleted room stay under it until they are swept.
        """
        CREATE TABLE rooms (
            pk INTEGER PRIMARY KEY AUTOINCREMENT,
            room_id TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL,
            description TEXT NOT NULL,
            owner TEXT NOT NULL,
            password_hash TEXT,
            created_at REAL NOT NULL
        )
        """,
        "CREATE INDEX rooms_public ON rooms (created_at) WHERE password_hash IS NULL",
        # `place` counts joins across all rooms: clocks go backwards, and members who joined at the same time need an order too.
        """
        CREATE TABLE members (
            room INTEGER NOT NULL REFERENCES rooms (pk) ON DELETE CASCADE,
            user_id TEXT NOT NULL,
            place INTEGER NOT NULL UNIQUE,
            joined_at REAL NOT NULL,
            last_read_id INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (room, user_id)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX members_by_user ON members (user_id, place)",
        """
        CREATE TABLE bans (
            room INTEGER NOT NULL REFERENCES rooms (pk) ON DELETE CASCADE,
            user_id TEXT NOT NULL,
            PRIMARY KEY (room, user_id)
        ) WITHOUT ROWID
        """,
        # No reference to rooms: a room must be deleted at once, however long its log is.
        """
        CREATE TABLE messages (
            id INTEGER PRIMARY KEY,
            user_id TEXT NOT NULL,
            content TEXT NOT NULL,
            timestamp REAL NOT NULL,
            nonce TEXT
        )
        """,
        "CREATE UNIQUE INDEX messages_by_nonce ON messages (id >> 32, user_id, nonce) WHERE nonce IS NOT NULL",
        "CREATE TABLE deleted_rooms (pk INTEGER PRIMARY KEY)",
    ),
    (
        "ALTER TABLE users ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX rooms_by_owner ON rooms (owner, room_id)",
        "CREATE INDEX bans_by_user ON bans (user_id)",
    ),
    (
        # `first_id` is where the log begins: earlier messages were removed. `keep_*` are NULL if the rule for all rooms applies.
        "ALTER TABLE rooms ADD COLUMN first_id INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE rooms ADD COLUMN keep_days INTEGER",
        "ALTER TABLE rooms ADD COLUMN keep_messages INTEGER",
        "CREATE INDEX rooms_kept ON rooms (room_id) WHERE keep_days IS NOT NULL",
    ),
    (
        # An address can have several registrations, in the order of `pk`, each with its own code.
        "DROP INDEX registrations_by_end",
        "ALTER TABLE registrations RENAME TO single_registrations",
        """
        CREATE TABLE registrations (
            pk INTEGER PRIMARY KEY,
            email TEXT NOT NULL COLLATE NOCASE,
            username TEXT NOT NULL,
            password_hash TEXT NOT NULL,
            code_hash TEXT NOT NULL,
            tries_left INTEGER NOT NULL,
            expires_at REAL NOT NULL,
            UNIQUE (email, code_hash)
        )
        """,
        "INSERT INTO registrations (email, username, password_hash, code_hash, tries_left, expires_at)"
        " SELECT email, username, password_hash, code_hash, tries_left, expires_at FROM single_registrations",
        "DROP TABLE single_registrations",
        "CREATE INDEX registrations_by_end ON registrations (expires_at)",
        # The number of codes tried since the window of an address began.
        """
        CREATE TABLE tries (
            email TEXT NOT NULL COLLATE NOCASE PRIMARY KEY,
            taken INTEGER NOT NULL,
            ends_at REAL NOT NULL
        ) WITHOUT ROWID
        """,
        "CREATE INDEX tries_by_end ON tries (ends_at)",
        # The code that created the account, for a verification that is repeated because its answer was lost.
        "ALTER TABLE users ADD COLUMN code_hash TEXT",
        "ALTER TABLE users ADD COLUMN code_expires_at REAL",
        # Not unique: older rooms may differ in case only.
        "CREATE INDEX rooms_by_folded_id ON rooms (room_id COLLATE NOCASE)",
    ),
    (
        # Where the login came from; see `records.Session`.
        "ALTER TABLE sessions ADD COLUMN network TEXT NOT NULL DEFAULT ''",
        # Asked at each attempt to log in, and a user may have any number of sessions.
        "DROP INDEX sessions_by_user",
        "CREATE INDEX sessions_by_user ON sessions (user_id, network)",
    ),
    (
        # What the new columns mean is said at `records` and `bulk`.
        "ALTER TABLE registrations ADD COLUMN invite_id TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE sessions ADD COLUMN device TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE sessions ADD COLUMN used_at REAL NOT NULL DEFAULT 0",
        "ALTER TABLE sessions ADD COLUMN generation INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE sessions ADD COLUMN rotated_at REAL NOT NULL DEFAULT 0",
        "ALTER TABLE sessions ADD COLUMN token_name TEXT",
        "ALTER TABLE sessions ADD COLUMN scopes TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE sessions ADD COLUMN rooms TEXT",
        "ALTER TABLE sessions ADD COLUMN app_password_id TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX sessions_by_app_password ON sessions (app_password_id) WHERE app_password_id <> ''",
        "ALTER TABLE rooms ADD COLUMN direct TEXT",
        "ALTER TABLE rooms ADD COLUMN slow_seconds INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE rooms ADD COLUMN members_pin INTEGER NOT NULL DEFAULT 0",
        "CREATE UNIQUE INDEX rooms_direct ON rooms (direct) WHERE direct IS NOT NULL",
        f"CREATE INDEX rooms_direct_second ON rooms ({SECOND_OF_PAIR}) WHERE direct IS NOT NULL",
        "ALTER TABLE members ADD COLUMN moderator INTEGER NOT NULL DEFAULT 0",
        """
        CREATE TABLE standings (
            room INTEGER NOT NULL REFERENCES rooms (pk) ON DELETE CASCADE,
            user_id TEXT NOT NULL,
            muted_until REAL NOT NULL DEFAULT 0,
            posted_at REAL NOT NULL DEFAULT 0,
            PRIMARY KEY (room, user_id)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX standings_by_user ON standings (user_id)",
        """
        CREATE TABLE invites (
            invite_id TEXT NOT NULL PRIMARY KEY,
            token_hash TEXT NOT NULL UNIQUE,
            room INTEGER REFERENCES rooms (pk) ON DELETE CASCADE,
            created_by TEXT NOT NULL,
            created_at REAL NOT NULL,
            expires_at REAL NOT NULL,
            uses_left INTEGER
        ) WITHOUT ROWID
        """,
        "CREATE INDEX invites_by_room ON invites (room)",
        "CREATE INDEX invites_by_end ON invites (expires_at)",
        """
        CREATE TABLE blocks (
            user_id TEXT NOT NULL,
            blocked_id TEXT NOT NULL,
            PRIMARY KEY (user_id, blocked_id)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX blocks_by_blocked ON blocks (blocked_id)",
        """
        CREATE TABLE totp (
            user_id TEXT NOT NULL PRIMARY KEY,
            secret TEXT NOT NULL,
            confirmed INTEGER NOT NULL DEFAULT 0,
            last_step INTEGER NOT NULL DEFAULT 0,
            recovery TEXT NOT NULL DEFAULT ''
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE app_passwords (
            app_password_id TEXT NOT NULL PRIMARY KEY,
            user_id TEXT NOT NULL,
            name TEXT NOT NULL,
            password_hash TEXT NOT NULL,
            created_at REAL NOT NULL,
            used_at REAL NOT NULL DEFAULT 0
        ) WITHOUT ROWID
        """,
        "CREATE INDEX app_passwords_by_user ON app_passwords (user_id, password_hash)",
        """
        CREATE TABLE email_changes (
            user_id TEXT NOT NULL PRIMARY KEY,
            email TEXT NOT NULL COLLATE NOCASE,
            code_hash TEXT NOT NULL,
            tries_left INTEGER NOT NULL,
            expires_at REAL NOT NULL
        ) WITHOUT ROWID
        """,
        "CREATE INDEX email_changes_by_end ON email_changes (expires_at)",
        """
        CREATE TABLE oidc_accounts (
            issuer TEXT NOT NULL,
            subject TEXT NOT NULL,
            user_id TEXT NOT NULL,
            PRIMARY KEY (issuer, subject)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX oidc_accounts_by_user ON oidc_accounts (user_id)",
        """
        CREATE TABLE audit (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            at REAL NOT NULL,
            event TEXT NOT NULL,
            actor TEXT NOT NULL,
            user_id TEXT NOT NULL,
            room_id TEXT NOT NULL,
            address TEXT NOT NULL,
            detail TEXT NOT NULL
        )
        """,
        "CREATE INDEX audit_by_time ON audit (at)",
        "CREATE INDEX audit_with_address ON audit (at) WHERE address > ''",
        "CREATE INDEX audit_by_actor ON audit (actor, number)",
        "CREATE INDEX audit_by_user ON audit (user_id, number)",
        "CREATE INDEX audit_by_room ON audit (room_id, number)",
        # Users who were deleted with their messages: `next` is the `id` of the first message that was not looked at yet.
        """
        CREATE TABLE erasures (
            user_id TEXT NOT NULL PRIMARY KEY,
            done_at REAL NOT NULL DEFAULT 0,
            next INTEGER NOT NULL DEFAULT 0
        ) WITHOUT ROWID
        """,
    ),
    (
        # What the columns hold is said at `records.Message` and `records.Extras` (JSON); NULL is most common.
        "ALTER TABLE messages ADD COLUMN change_id INTEGER",
        "ALTER TABLE messages ADD COLUMN extras TEXT",
        "CREATE UNIQUE INDEX messages_by_change ON messages (id >> 32, change_id) WHERE change_id IS NOT NULL",
        "ALTER TABLE rooms ADD COLUMN change_id INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE rooms ADD COLUMN log_token TEXT NOT NULL DEFAULT ''",
        f"UPDATE rooms SET log_token = {NEW_TOKEN}",
        # In the next three tables `id` is that of a message.
        """
        CREATE TABLE reactions (
            id INTEGER NOT NULL,
            emoji TEXT NOT NULL,
            user_id TEXT NOT NULL,
            at REAL NOT NULL,
            PRIMARY KEY (id, emoji, user_id)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX reactions_by_time ON reactions (id, emoji, at)",
        "CREATE INDEX reactions_by_user ON reactions (user_id, id)",
        # The `user_id` is '' where all members are mentioned.
        """
        CREATE TABLE mentions (
            user_id TEXT NOT NULL,
            id INTEGER NOT NULL,
            PRIMARY KEY (user_id, id)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX mentions_by_message ON mentions (id)",
        "CREATE TABLE pins (id INTEGER PRIMARY KEY)",
        "CREATE INDEX users_by_name ON users (username COLLATE NOCASE)",
    ),
    (
        # One row at most; see `Keys.fingerprint`.
        "CREATE TABLE secret (fingerprint TEXT NOT NULL)",
    ),
]
"""Entry N migrates from version N to version N + 1. Once released, an entry never changes."""


FINGERPRINT_VERSION = 8
"""The first version with the table `secret`."""


def check(db: Connection, where: str) -> int:
    """Returns the schema's version, 0 for an empty file. Runs in the caller's transaction, read or write.

    Errors: NewerSchema; StoreError if the file is another program's.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (objects,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (application or version or objects):
        raise StoreError(f"{where} is an SQLite database of another program")
    if version > len(MIGRATIONS):
        raise NewerSchema(version, len(MIGRATIONS), where)
    return int(version)


def migrate(db: Connection, where: str) -> bool:
    """Migrates the schema by one version; False if it was up to date. Runs in the caller's write transaction.

    Errors: as `check`; SQLite's own if the file cannot be written.
    """
    version = check(db, where)
    behind = version < len(MIGRATIONS)
    if behind:
        for statement in MIGRATIONS[version]:
            db.execute(statement)
        version += 1
    # Written in any case: SQLite opens a read-only file without an error, and only a write reveals it.
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {version}")
    return behind
