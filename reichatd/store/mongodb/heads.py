"""Where logs begin and end. What the functions do is said at `MessageStore.head` and `Store.heads`."""

from collections.abc import Sequence

from bson import ObjectId

from reichatd.store.mongodb.logs import batches, find_ends, search, settle
from reichatd.store.mongodb.room_keys import LogRef, room_logs, room_logs_with
from reichatd.store.mongodb.server import MongoDatabase
from reichatd.store.records import LogHead

_AT_ONCE = 500
"""Logs in one query."""


def head(db: MongoDatabase, room_id: str) -> LogHead | None:
    log = room_logs(db, [room_id]).get(room_id)
    if log is None:
        return None
    # The end after the number of changes: what is read up to it has at least these.
    last_id = search(db, [log.key])[log.key]
    settle(db, log.key, last_id)
    return _head(db, log, last_id)


def heads(db: MongoDatabase, log_keys: Sequence[str]) -> dict[str, LogHead]:
    found = {}
    for some in batches([ObjectId(log_key) for log_key in log_keys if ObjectId.is_valid(log_key)], _AT_ONCE):
        logs = room_logs_with(db, some)
        ends = find_ends(db, [log.key for log in logs])
        for log in logs:
            db.ends.advance(log.key, ends[log.key])
            found[str(log.key)] = _head(db, log, ends[log.key])
    return found


def _head(db: MongoDatabase, log: LogRef, last_id: int) -> LogHead:
    # A standalone server has no feed.
    log_key = "" if db.standalone else str(log.key)
    return LogHead(log.first_id, last_id, log.last_change, log.token, log_key)
