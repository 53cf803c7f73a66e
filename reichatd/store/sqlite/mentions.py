"""Who is mentioned in a message, and the rows from which a user's unread mentions are counted."""

from collections.abc import Iterable, Iterator
from itertools import islice
from sqlite3 import Connection

from reichatd.store.changing import to_notify
from reichatd.store.records import Edit, Extras, Post
from reichatd.store.sqlite.batch import Log

UNREAD = (
    "(SELECT count(*) FROM (SELECT 1 FROM mentions WHERE user_id IN (:user, '')"
    " AND id BETWEEN r.pk << 32 | m.last_read_id + 1 AND r.pk << 32 | :last LIMIT :most))"
)
"""The number of unread mentions of the member `m` of the room `r`, in SQL."""

_NAMESAKES = 200
"""How many users of one name are looked at: names are not unique, and anyone may take any name."""

_NAMES_FOR_EACH = 5
"""How many names are looked up for each user that may be mentioned: the word after an "@" may be no name."""


def resolved(db: Connection, log: Log, text: Post | Edit) -> tuple[str, ...]:
    """The members that a post or an edit mentions, each once."""
    if text.mentions is not None:
        return tuple(_members(log, text.mentions))
    names: dict[str, str] = {}
    for name in text.names:
        names.setdefault(name.lower(), name)
    first = islice(names.values(), _NAMES_FOR_EACH * text.resolved_at_most)
    found = _members(log, (user_id for name in first for user_id in _named(db, name)))
    return tuple(islice(found, text.resolved_at_most))


def _members(log: Log, user_ids: Iterable[str]) -> Iterator[str]:
    """The members among these users, each once."""
    seen = set()
    for user_id in user_ids:
        if user_id not in seen and log.member(user_id) is not None:
            seen.add(user_id)
            yield user_id


def _named(db: Connection, name: str) -> Iterator[str]:
    # SQLite ignores the case of ASCII only.
    for form in dict.fromkeys((name,) if name.isascii() else (name, name.lower(), name.upper(), name.capitalize())):
        rows = db.execute(
            "SELECT user_id FROM users WHERE username = ? COLLATE NOCASE ORDER BY user_id LIMIT ?", (form, _NAMESAKES)
        )
        yield from [user_id for (user_id,) in rows]


def rows(key: int, extras: Extras) -> list[tuple[str, int]]:
    """The rows of a message; `key` is its key in the table of messages."""
    return [(user_id, key) for user_id in to_notify(extras)]


def add(db: Connection, added: Iterable[tuple[str, int]]) -> None:
    db.executemany("INSERT INTO mentions (user_id, id) VALUES (?, ?) ON CONFLICT DO NOTHING", added)


def replace(db: Connection, key: int, before: Extras, now: Extras) -> None:
    """Changes the rows of a message to what it mentions now."""
    if to_notify(before) != to_notify(now):
        db.executemany("DELETE FROM mentions WHERE user_id = ? AND id = ?", rows(key, before))
        add(db, rows(key, now))
