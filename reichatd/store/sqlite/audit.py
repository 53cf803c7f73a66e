"""The audit log in SQLite. What the methods do is said at `reichatd.store.protocol.AuditStore`."""

from sqlite3 import Connection

from msgspec.structs import astuple

from reichatd.store.records import AuditEntry, AuditFilter
from reichatd.store.sqlite.methods import SqlitePart, scan, write

_FIELDS = AuditEntry.__struct_fields__
_COLUMNS = ", ".join(_FIELDS)


def _add(db: Connection, entry: AuditEntry) -> int:
    columns, values = _FIELDS[1:], astuple(entry)[1:]
    added = db.execute(f"INSERT INTO audit ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", values)
    assert added.lastrowid is not None
    return added.lastrowid


def _page(db: Connection, chosen: AuditFilter, at_most: int) -> list[AuditEntry]:
    conditions = ["number > ?", "number < ?", "at >= ?"]
    values: list[object] = [chosen.after, chosen.before, chosen.since]
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
