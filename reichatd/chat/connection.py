"""One open socket, as the chat knows it."""

import trio

from reichatd.accounts import Identity
from reichatd.chat.delivery import Delivery
from reichatd.chat.socket import Socket
from reichatd.closing import Close


class Connection:
    """A socket, its user and login session, and its delivery."""

    __slots__ = ("actor", "closing", "delivery", "pinged_at", "scope", "session", "socket", "user")

    def __init__(self, socket: Socket, identity: Identity, scope: trio.CancelScope) -> None:
        self.socket = socket
        self.user = identity.user  # replaced by the hub when the user is renamed
        self.session = identity.session
        self.actor = identity.actor
        self.delivery = Delivery()
        self.pinged_at = -1.0  # Trio's time of the last ping; the hub's
        self.scope = scope  # the conversation's task
        self.closing: Close | None = None
        """How the socket will be closed, once that is decided."""

    def close_soon(self, close: Close) -> None:
        """Makes the conversation's task close the socket. The first call counts. Does not wait."""
        if self.closing is None:
            self.closing = close
            self.scope.cancel()
