"""Clients that follow a room by HTTP: long polls and event streams. To the room, each is a connection as those of sockets are."""

from functools import partial

import trio

from reichatd import rights
from reichatd.chat.connection import Connection
from reichatd.chat.events import COMMENT, Cursor, EventEncoder, EventStream
from reichatd.chat.hub import Hub
from reichatd.chat.pages import Pages, empty_page
from reichatd.chat.polls import PageKey, PollSocket, SharedPages
from reichatd.chat.read_marks import MarkReader
from reichatd.chat.room import LiveRoom
from reichatd.chat.socket import PeerGone
from reichatd.closing import ABORT, GOING_AWAY, SERVER_FAULT, SLOW_READER
from reichatd.errors import ReichatError, Unauthorized
from reichatd.messaging import After, Body, Caller, Later, PageQuery, as_part
from reichatd.rights import Action
from reichatd.settings import LiveSettings
from reichatd.store import StoreError


class Followers:
    """Serves those who follow. A `Later` that it returns runs in the task of its connection.

    Whether the user may follow is asked before, and again when the hub knows the connection: from then on every kick and logout
    reaches it.
    """

    def __init__(self, *, hub: Hub, marks: MarkReader, pages: Pages, settings: LiveSettings) -> None:
        self._hub = hub
        self._marks = marks
        self._settings = settings
        self._shared = SharedPages(pages)
        self._encoder = EventEncoder()

    def poll(self, by: Caller, room_id: str, query: PageQuery, which: After, seconds: float) -> Later:
        """See `Messaging.poll`."""
        self._hub.sockets.require_capacity(by.identity.user.user_id, by.actor.client)
        return partial(self._poll, by, room_id, query, which, min(seconds, self._settings.limits.poll_seconds))

    def follow(self, by: Caller, room_id: str, after_id: int | None, after_change: int | None) -> Later:
        """See `Messaging.follow`."""
        self._hub.sockets.require_capacity(by.identity.user.user_id, by.actor.client)
        return partial(self._follow, by, room_id, after_id, after_change)

    # --- long polls

    async def _poll(self, by: Caller, room_id: str, query: PageQuery, which: After, seconds: float, body: Body) -> None:
        room = None
        with trio.move_on_after(seconds) as waiting:
            socket = PollSocket(body.client, waiting.cancel)
            connection = Connection(socket, by.identity, waiting)
            try:
                room = await self._hub.enter(room_id, connection)
                await self._require_member(by, room_id)
                cursor = await room.cursor_after(which.after_id)
                changes = None if which.after_change is None else room.change_cursor_after(which.after_change)
                room.listen(connection, cursor, changes)
                await body.departed()
            except (ReichatError, StoreError):
                pass  # the next call says why
            finally:
                self._hub.leave(room_id, connection)
        if room is None:
            raise PeerGone  # there is nothing to answer
        text = await self._news(by, room, query) if socket.has_news and connection.closing is None else b""
        await self._send_page(connection, body, text or empty_page(room, query))

    async def _news(self, by: Caller, room: LiveRoom, query: PageQuery) -> bytes:
        """The page for those who have waited; b"" if it cannot be read."""
        user_id = by.identity.user.user_id if query.mine else ""
        key = PageKey(room.room_id, room.token, user_id, query, room.last_id, room.change_id, self._hub.changes)
        try:
            return await self._shared.read(key)
        except (ReichatError, StoreError):
            return b""

    async def _send_page(self, connection: Connection, body: Body, text: bytes) -> None:
        with trio.CancelScope() as connection.scope, self._hub.stalled.begin(connection) as held:
            held.hold(len(text))
            await body.send(as_part(text, is_chunked=body.is_chunked))
            return
        raise PeerGone  # it has stalled

    # --- event streams

    async def _follow(
        self, by: Caller, room_id: str, after_id: int | None, after_change: int | None, body: Body
    ) -> None:
        body.set_buffer(self._settings.limits.send_buffer_bytes)
        opening = as_part(COMMENT, is_chunked=body.is_chunked)
        with trio.CancelScope() as scope:
            stream = EventStream(body, self._encoder, Cursor(0, 0))
            connection = Connection(stream, by.identity, scope)
            try:
                room = await self._hub.enter(room_id, connection)
                await self._require_member(by, room_id)
                cursor = room.last_id + 1 if after_id is None else await room.cursor_after(after_id)
                changes = room.change_id if after_change is None else room.change_cursor_after(after_change)
                # What comes from here on is sent. Only now the client is told that the stream has begun.
                stream.cursor = Cursor(cursor - 1, changes)
                await body.send(opening)
                room.listen(connection, cursor, changes)
                await self._comment(body)
            except (ReichatError, StoreError):
                await body.send(opening)  # the client reconnects, and gets the error
            finally:
                self._hub.leave(room_id, connection)
        if connection.closing in (ABORT, SLOW_READER, SERVER_FAULT):
            raise PeerGone
        if connection.closing is not None and connection.closing.code == GOING_AWAY:
            pause = connection.closing.reason.rpartition("=")[2].encode()
            await body.send(as_part(b"retry: %b\n\n" % pause, is_chunked=body.is_chunked))

    async def _comment(self, body: Body) -> None:
        """Sends comments until the client has gone."""
        comment = as_part(COMMENT, is_chunked=body.is_chunked)
        while True:
            with trio.move_on_after(self._settings.limits.comment_seconds):
                await body.departed()
                return
            body.try_send(comment, (len(comment),))

    # --- both

    async def _require_member(self, by: Caller, room_id: str) -> None:
        """Raises an error if the user may not be in the room. The hub knows the connection already."""
        is_member = await self._marks.read(room_id, by.actor.user_id) is not None
        rights.require(by.actor, Action.READ, is_member=is_member)
        if self._hub.changes != by.seen:
            raise Unauthorized  # the user may have logged out since the call was authenticated
