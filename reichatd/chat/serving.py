"""What all sockets have in common: authentication, then the talk of their kind, then the close."""

from collections.abc import Awaitable, Callable
from functools import partial

import structlog
import trio

from reichatd.accounts import Accounts, Identity
from reichatd.chat.connection import Connection
from reichatd.chat.hub import Hub
from reichatd.chat.socket import PeerGone, PeerStalled, Socket
from reichatd.closing import ABORT, SERVER_FAULT, SLOW_READER, Close
from reichatd.errors import ReichatError, Unauthorized
from reichatd.store import StoreError

log = structlog.get_logger()

Talk = Callable[[Connection], Awaitable[None]]
"""Serves one authenticated connection. It registers the connection in the hub before its first await, so no logout can come in
between, and removes it at the end: no broadcast may follow a close frame. After a reply that was cut off, nothing may wait on the
way: see `Socket.unbroken`."""


class SocketServer:
    """Serves sockets. `serve` is called once for each, by the socket's own task."""

    def __init__(self, accounts: Accounts, hub: Hub) -> None:
        self._accounts = accounts
        self._hub = hub

    async def serve(self, socket: Socket, token: str | None, ticket: str | None, talk: Talk, room_id: str = "") -> None:
        """Serves one open socket until either side ends it, and closes it. Raises nothing but Cancelled.

        Arguments:
            token: the access token from the handshake; None if there was none.
            ticket: used instead of a token.
            room_id: for the log.
        """
        close = ABORT
        try:
            with trio.CancelScope() as scope:
                connection = Connection(socket, await self._authenticate(token, ticket), scope)
                socket.authenticated()
                await talk(connection)
            close = connection.closing or ABORT
        except PeerStalled:
            close = SLOW_READER
        except PeerGone:
            pass
        except ReichatError as error:
            close = Close(error.close_code, error.message)
        except StoreError as error:
            log.warning("store failed, socket closed", room_id=room_id, error=str(error))
            close = SERVER_FAULT
        except Exception:
            log.exception("conversation crashed", room_id=room_id)
            close = SERVER_FAULT
        finally:
            log.debug("socket closed", room_id=room_id, close_code=close.code, reason=close.reason)
            await socket.close(*close)

    async def _authenticate(self, token: str | None, ticket: str | None) -> Identity:
        sessions = self._accounts.sessions
        if ticket is not None:
            authenticate = partial(sessions.of_session, await sessions.redeem(ticket))
        elif token is not None:
            authenticate = partial(sessions.authenticate, token)
        else:
            raise Unauthorized
        while True:
            seen = self._hub.changes
            identity = await authenticate()
            if self._hub.changes == seen:
                return identity
            # A session ended or a user was renamed while this session was read: it may be out of date.
