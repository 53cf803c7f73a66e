"""One socket's place in its room."""

import trio

from reichatd.accounts import Identity
from reichatd.chat.socket import Socket


class Connection:
    """What the chat knows of one open socket: a cursor and little else.

    `user` belongs to the hub, which changes it when the user is renamed; cursor, listening, replies and catching_up belong to
    the room; the rest to the session's own task.
    """

    __slots__ = (
        "_settled",
        "catching_up",
        "closing",
        "cursor",
        "in_flight",
        "listening",
        "pinged_at",
        "replies",
        "scope",
        "session",
        "socket",
        "user",
    )

    def __init__(self, socket: Socket, identity: Identity, scope: trio.CancelScope) -> None:
        self.socket = socket
        self.user = identity.user
        self.session = identity.session
        self.cursor = 0  # the next id it is to be sent
        self.listening = False
        self.replies: list[bytes] = []  # frames for it alone that the socket did not take at once; few: see in_flight
        self.catching_up: trio.CancelScope | None = None  # the task that sends on, while the socket is behind
        self.in_flight = 0  # posts whose fate is unknown, and replies not sent
        self.pinged_at = -1.0
        self.scope = scope  # the session's task
        self.closing: tuple[int, str] | None = None
        self._settled = trio.Event()

    def close_soon(self, code: int, reason: str) -> None:
        """Has the session's task end the conversation with this code. The first call counts. Does not wait."""
        if self.closing is None:
            self.closing = (code, reason)
            self.scope.cancel()

    def settle(self, count: int) -> None:
        """So many posts or replies are out of the way."""
        self.in_flight -= count
        self._settled.set()

    async def settled_below(self, limit: int) -> None:
        """Waits until fewer than `limit` posts and replies are in flight."""
        while self.in_flight >= limit:
            self._settled = trio.Event()
            await self._settled.wait()
