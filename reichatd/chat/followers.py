"""Clients that follow a room by HTTP: long polls and event streams. To the room, each is a connection as those of sockets are."""

from collections.abc import Callable
from functools import partial

import msgspec
import trio

from reichatd.chat.connection import Connection
from reichatd.chat.events import COMMENT, Cursor, EventEncoder, EventStream
from reichatd.chat.hub import Hub
from reichatd.chat.pages import Pages, empty_page
from reichatd.chat.polls import PageKey, PollSocket, SharedPages
from reichatd.chat.read_marks import MarkReader
from reichatd.chat.readers import require_reader
from reichatd.chat.room import LiveRoom
from reichatd.chat.socket import PeerGone
from reichatd.closing import ABORT, GOING_AWAY, SERVER_FAULT, SLOW_READER
from reichatd.errors import ReichatError, Unavailable
from reichatd.messaging import After, Body, Caller, Later, PageQuery, as_part
from reichatd.settings import LiveSettings
from reichatd.store import LogHead, StoreError


class Followers:
    """Serves those who follow. A `Later` that it returns runs in the task of its connection.

    Whether the user may follow is asked before, and again when the hub knows the connection: from then on every kick and logout
    reaches it.
    """

    def __init__(self, *, hub: Hub, marks: MarkReader, pages: Pages, settings: LiveSettings) -> None:
        self._hub = hub
        self._marks = marks
        self._pages = pages
        self._settings = settings
        self._shared = SharedPages(pages)
        self._encoder = EventEncoder(_soon)

    def poll(self, by: Caller, room_id: str, query: PageQuery, seconds: float, head: LogHead) -> Later:
        """See `Messaging.poll`.

        Arguments:
            head: where the log ended when there was nothing for the client.
        """
        self._hub.sockets.require_capacity(by.identity.user.user_id, by.actor.client)
        return partial(self._poll, by, room_id, query, min(seconds, self._settings.limits.poll_seconds), head)

    def follow(self, by: Caller, room_id: str, after_id: int | None, after_change: int | None) -> Later:
        """See `Messaging.follow`."""
        self._hub.sockets.require_capacity(by.identity.user.user_id, by.actor.client)
        return partial(self._follow, by, room_id, after_id, after_change)

    # --- long polls

    async def _poll(
        self, by: Caller, room_id: str, query: PageQuery, seconds: float, head: LogHead, body: Body
    ) -> None:
        which = query.which
        assert isinstance(which, After)
        # Without news, and if the user may not stay, the client goes on from where it is.
        empty = empty_page(_ends(head, which.after_id, which.after_change), query)
        text = None
        with trio.CancelScope() as scope:
            waiting = trio.CancelScope(deadline=trio.current_time() + seconds)
            room, socket = None, PollSocket(body.client, waiting.cancel)
            connection = Connection(socket, by.identity, scope)
            try:
                with waiting:
                    room = await self._enter(by, room_id, connection)
                    if room is not None:
                        await self._await_news(room, connection, which, body)
                # The hub knows the connection until the page is there: a kick meanwhile counts.
                if room is not None and connection.delivery.listening:
                    text = await self._page(by, room, query, connection, has_news=socket.has_news)
            finally:
                self._hub.leave(room_id, connection)
        await self._send_page(connection, body, empty if text is None or connection.closing is not None else text)

    async def _await_news(self, room: LiveRoom, connection: Connection, which: After, body: Body) -> None:
        cursor = await room.cursor_after(which.after_id)
        changes = None if which.after_change is None else room.change_cursor_after(which.after_change)
        room.listen(connection, cursor, changes)
        await body.departed()

    async def _page(
        self, by: Caller, room: LiveRoom, query: PageQuery, connection: Connection, *, has_news: bool
    ) -> bytes:
        """The page for those who have waited.

        Raises:
            RoomNotFound, OtherLog, Unavailable, StoreError
        """
        if has_news:
            user_id = by.identity.user.user_id if query.mine else ""
            key = PageKey(room.room_id, room.token, user_id, query, room.last_id, room.change_id, self._hub.changes)
            with trio.move_on_after(self._settings.limits.request_seconds):
                return await self._shared.read(key)
            raise Unavailable
        # The room may be ahead of what was sent.
        delivery = connection.delivery
        head = LogHead(room.first_id, room.last_id, room.change_id, room.token)
        return empty_page(_ends(head, delivery.cursor - 1, delivery.change_cursor), query)

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
                room = await self._enter(by, room_id, connection)
                if room is None:
                    await body.send(opening)
                else:
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

    async def _enter(self, by: Caller, room_id: str, connection: Connection) -> LiveRoom | None:
        """Enters the room; `Hub.leave` must follow. None if the user may have logged out since the call was authenticated.

        Raises:
            RateLimited, RoomNotFound, Forbidden, StoreError
        """
        room = await self._hub.enter(room_id, connection)
        await require_reader(self._marks, self._pages.messages, by.actor, room_id)
        return room if self._hub.endings == by.seen else None


def _ends(head: LogHead, message_id: int, change_id: int | None) -> LogHead:
    """The same log, as far as a client has it; with None, the changes are those of the whole log: it did not ask for them."""
    return msgspec.structs.replace(
        head, last_id=max(0, message_id), change_id=head.change_id if change_id is None else change_id
    )


def _soon(call: Callable[[], None]) -> None:
    trio.lowlevel.current_trio_token().run_sync_soon(call, idempotent=True)
