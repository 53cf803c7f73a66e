"""Async methods made of blocking functions, each said in one line.

    class SqliteRooms(SqlitePart):
        head = read(_head)

With that line, `await rooms.head(room_id)` is `await database.read(_head, room_id)`: the method has the arguments and the result of
`_head`, but for the connection.
"""

from collections.abc import Callable, Coroutine
from sqlite3 import Connection
from typing import Any, Concatenate, ParamSpec, TypeVar

from reichatd.store.sqlite.database import SqliteDatabase

P = ParamSpec("P")
T = TypeVar("T")

Step = Callable[Concatenate[Connection, P], T]
Method = Callable[Concatenate["SqlitePart", P], Coroutine[Any, Any, T]]


class SqlitePart:
    """A part of the store: methods that all work on one database."""

    def __init__(self, database: SqliteDatabase) -> None:
        self.database = database


def read(step: Step[P, T]) -> Method[P, T]:
    """A method that runs a short read; see `SqliteDatabase.read`."""

    async def method(part: SqlitePart, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await part.database.read(step, *args, **kwargs)

    return method


def scan(step: Step[P, T]) -> Method[P, T]:
    """A method that runs a read which may take long; see `SqliteDatabase.scan`."""

    async def method(part: SqlitePart, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await part.database.scan(step, *args, **kwargs)

    return method


def write(step: Step[P, T]) -> Method[P, T]:
    """A method that runs a write; see `SqliteDatabase.write`."""

    async def method(part: SqlitePart, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await part.database.write(step, *args, **kwargs)

    return method
