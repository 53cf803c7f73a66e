"""The audit log in SQLite. What the methods do is said at `reichatd.store.protocol.AuditStore`."""

from sqlite3 import Connection

from msgspec.structs import astuple

from reichatd.store.records import CLOCK_SETBACK, AuditEntry, AuditFilter
from reichatd.store.sqlite.methods import SqlitePart, scan, write

_FIELDS = AuditEntry.__struct_fields__
_COLUMNS = ", ".join(_FIELDS)


def _add(db: Connection, entry: AuditEntry) -> int:
    columns, values = _FIELDS[1:], astuple(entry)[1:]
    added = db.execute(f"INSERT INTO audit ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", values)
    assert added.lastrowid is not None
    return added.lastrowid


def _page(db: Connection, chosen: AuditFilter, at_most: int) -> list[AuditEntry]:
    first = _first_since(db, chosen.since) if chosen.since > 0 and not chosen.after else chosen.after + 1
    if first is None:
        return []
    conditions = ["number >= ?", "number < ?", "at >= ?"]
    values: list[object] = [first, chosen.before, chosen.since]
    if chosen.user_id:
        conditions.append("(actor = ? OR user_id = ?)")
        values += [chosen.user_id, chosen.user_id]
    if chosen.room_id:
        conditions.append("room_id = ?")
        values.append(chosen.room_id)
    order = "DESC" if chosen.newest_first else "ASC"
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM audit WHERE {' AND '.join(conditions)} ORDER BY number {order} LIMIT ?",
        (*values, at_most),
    )
    return [AuditEntry(*row) for row in rows]


def _first_since(db: Connection, since: float) -> int | None:
    """The number at which reading begins, for entries since a time; None if there are none. Numbers have no index by time."""
    (oldest,) = db.execute("SELECT min(at) FROM audit WHERE at >= ?", (since,)).fetchone()
    if oldest is None:
        return None
    # Without the index's name, SQLite would search the numbers from the first one on.
    found = db.execute(
        "SELECT min(number) FROM audit INDEXED BY audit_by_time WHERE at BETWEEN ? AND ?",
        (oldest, oldest + CLOCK_SETBACK),
    )
    return int(found.fetchone()[0])


def _expire(db: Connection, before: float, addresses_before: float, at_most: int) -> int:
    oldest = "SELECT number FROM audit WHERE at < ? ORDER BY at LIMIT ?"
    removed = db.execute(f"DELETE FROM audit WHERE number IN ({oldest})", (before, at_most)).rowcount
    named = "SELECT number FROM audit WHERE address > '' AND at < ? ORDER BY at LIMIT ?"
    cut = db.execute(f"UPDATE audit SET address = '' WHERE number IN ({named})", (addresses_before, at_most)).rowcount
    return max(removed, cut)


class SqliteAudit(SqlitePart):
    """An `AuditStore`."""

    add = write(_add)
    page = scan(_page)
    expire = write(_expire)
