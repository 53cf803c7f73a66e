"""Listeners of a room that are no WebSockets."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import trio


class Listener:
    """The part of `reichatd.chat.Socket` that only conversations use: listeners say nothing, and get no replies.

    Arguments:
        client: the client's address.
    """

    __slots__ = ("client",)

    def __init__(self, client: str) -> None:
        self.client = client

    def authenticated(self) -> None: ...

    def unbroken(self) -> AbstractAsyncContextManager[Callable[[bytes], Awaitable[None]]]:
        raise NotImplementedError

    async def receive(self) -> str | bytes:
        raise NotImplementedError

    @property
    def heard_at(self) -> float:
        return trio.current_time()  # no pings: a poll is short, and event streams have comments

    async def close(self, code: int, reason: str) -> None:
        raise NotImplementedError
