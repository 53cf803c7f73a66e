"""A user's socket (`/ws/user`): what happens in all rooms of one user, for one device."""

import trio

from reichatd import rights
from reichatd.accounts import Accounts
from reichatd.chat import frames
from reichatd.chat.connection import Connection
from reichatd.chat.hub import Hub
from reichatd.chat.rate_limit import TokenBucket
from reichatd.chat.serving import SocketServer
from reichatd.chat.socket import Socket
from reichatd.chat.user_states import Follower
from reichatd.errors import Forbidden
from reichatd.rights import Scope
from reichatd.rooms.joined import OwnRooms
from reichatd.settings import LiveSettings


class UserSocketHandler:
    """Serves users' sockets. `follow` is called once for each, by the socket's own task."""

    def __init__(self, *, accounts: Accounts, hub: Hub, rooms: OwnRooms, settings: LiveSettings) -> None:
        self._hub = hub
        self._rooms = rooms
        self._settings = settings
        self._server = SocketServer(accounts, hub)

    async def follow(self, socket: Socket, token: str | None, ticket: str | None = None) -> None:
        """Serves one open socket until either side ends it, and closes it. Raises nothing but Cancelled.

        Arguments:
            token: the access token from the handshake; None if there was none.
            ticket: used instead of a token.
        """
        await self._server.serve(socket, token, ticket, self._talk)

    async def _talk(self, connection: Connection) -> None:
        follower = None
        try:
            rights.require_scope(connection.actor, Scope.READ)
            follower = self._hub.follow(connection)
            await self._open(follower)
            await self._receive(connection.socket)
        finally:
            self._hub.unfollow(connection, follower)

    async def _open(self, follower: Follower) -> None:
        """Sends `hello`. Raises PeerGone, PeerStalled, StoreError."""
        news, connection = self._hub.news, follower.connection
        room_ids = await self._rooms.ids(connection.actor)
        while True:
            # Rooms are followed before they are read, so that nothing falls in between.
            news.follow(follower, room_ids)
            moves = follower.moves
            rooms = await self._rooms.all(connection.actor, users=False)
            room_ids = [room.room_id for room in rooms]
            if follower.moves == moves and set(room_ids) == set(follower.rooms):
                break
        news.learn(follower, rooms)
        hello = frames.encode(frames.Hello(connection.user.user_id, rooms))
        with self._hub.stalled.begin(connection) as held:
            held.hold(len(hello))
            await connection.socket.send(hello)
        news.open(follower)

    async def _receive(self, socket: Socket) -> None:
        """Reads until the peer is gone: clients have nothing to say here. Raises PeerGone, Forbidden: a flood of frames."""
        unknown = TokenBucket()
        while True:
            await socket.receive()
            limit = self._settings.limits.bad_frames_per_minute
            if unknown.take(trio.current_time(), limit / 60, limit):
                raise Forbidden("Too many bad frames")
