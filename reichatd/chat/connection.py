"""One open socket, as the chat knows it."""

import trio

from reichatd.accounts import Identity
from reichatd.chat.delivery import Delivery
from reichatd.chat.socket import Socket


class Connection:
    """A socket, its user and login session, and its delivery."""

    __slots__ = ("closing", "delivery", "pinged_at", "scope", "session", "socket", "user")

    def __init__(self, socket: Socket, identity: Identity, scope: trio.CancelScope) -> None:
        self.socket = socket
        self.user = identity.user  # replaced by the hub when the user is renamed
        self.session = identity.session
        self.delivery = Delivery()
        self.pinged_at = -1.0  # Trio's time of the last ping; the hub's
        self.scope = scope  # the conversation's task
        self.closing: tuple[int, str] | None = None
        """The close code and the reason, once it has been decided to close."""

    def close_soon(self, code: int, reason: str) -> None:
        """Has the conversation's task close the socket with this code. The first call counts. Does not wait."""
        if self.closing is None:
            self.closing = (code, reason)
            self.scope.cancel()
