"""Async methods made of blocking functions, each said in one line.

    class MongoRooms(MongoPart):
        head = method(_head)

With that line, `await rooms.head(room_id)` is `await server.run(_head, room_id)`: the method has the arguments and the result of
`_head`, but for the database.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

from reichatd.store.mongodb.server import MongoDatabase, MongoServer

P = ParamSpec("P")
T = TypeVar("T")


class MongoPart:
    """A part of the store: methods that all work on one server."""

    def __init__(self, server: MongoServer) -> None:
        self.server = server


def method(
    step: Callable[Concatenate[MongoDatabase, P], T],
) -> Callable[Concatenate[MongoPart, P], Coroutine[Any, Any, T]]:
    """A method that runs `step` in a worker thread; see `MongoServer.run`."""

    async def run(part: MongoPart, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await part.server.run(step, *args, **kwargs)

    return run
