"""The conversation on one socket: authentication, then frames, then the close."""

from contextlib import suppress
from functools import partial

import structlog
import trio

from reichatd import rights
from reichatd.accounts import Accounts
from reichatd.chat import frames
from reichatd.chat.connection import Connection
from reichatd.chat.history import HistoryReply, IdsReply, MakeFrame
from reichatd.chat.hub import Hub
from reichatd.chat.rate_limit import TokenBucket
from reichatd.chat.read_marks import MarkReader
from reichatd.chat.room import LiveRoom
from reichatd.chat.salvage import names_in
from reichatd.chat.scribe import Scribe
from reichatd.chat.serving import SocketServer
from reichatd.chat.socket import PeerGone, Socket
from reichatd.chat.socket_reply import SocketReply
from reichatd.chat.writer import READ_ONLY, BadDraft, Writer
from reichatd.closing import GOING_AWAY, NOT_AUTHENTICATED, Close
from reichatd.errors import Forbidden, ReichatError
from reichatd.rights import Action, Scope
from reichatd.settings import LiveSettings
from reichatd.store import StoreError

_KEPT_OPEN_SECONDS = 3600.0
_CODES: dict[str, frames.ErrorCode] = {"content": "bad_content", "nonce": "bad_nonce", "emoji": "bad_emoji"}
"""The code of an error by the field that is wrong."""
_END_OF_TEST = Close(GOING_AWAY, "End of the test connection")

log = structlog.get_logger()


class ConversationHandler:
    """Serves sockets. `converse` or `keep_open` is called once for each socket, by the socket's own task."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        hub: Hub,
        marks: MarkReader,
        scribe: Scribe,
        settings: LiveSettings,
        writer: Writer,
    ) -> None:
        self.accounts = accounts
        self.marks = marks
        self.hub = hub
        self.scribe = scribe
        self.settings = settings
        self.writer = writer
        self._server = SocketServer(accounts, hub)
        self._kept_open: set[trio.CancelScope] = set()

    async def converse(self, socket: Socket, room_id: str, token: str | None, ticket: str | None = None) -> None:
        """Serves one open socket until either side ends it, and closes it. Raises nothing but Cancelled.

        Arguments:
            token: the access token from the handshake; None if there was none.
            ticket: used instead of a token.
        """

        async def talk(connection: Connection) -> None:
            rights.require_scope(connection.actor, Scope.READ, room_id)
            try:
                room = await self.hub.enter(room_id, connection)
                await _Conversation(self, room, connection).run()
            finally:
                self.hub.leave(room_id, connection)

        await self._server.serve(socket, token, ticket, talk, room_id)

    async def keep_open(self, socket: Socket, proof: str | None) -> None:
        """Keeps a socket open and sends only pings: `reichatd doctor` sees whether proxies on the way cut quiet sockets.

        Ends when the peer closes, after `end_kept_open`, or after an hour. Raises nothing but Cancelled.

        Arguments:
            proof: shows that the peer is the operator (`Accounts.is_operator`); other sockets are closed.
        """
        close = NOT_AUTHENTICATED
        if proof is not None and self.accounts.sessions.is_operator(proof):
            close = _END_OF_TEST
            socket.authenticated()
            with suppress(PeerGone), trio.move_on_after(_KEPT_OPEN_SECONDS) as scope:
                self._kept_open.add(scope)
                try:
                    await self._receive_and_ping(socket)
                finally:
                    self._kept_open.discard(scope)
        await socket.close(*close)

    def end_kept_open(self) -> None:
        """Ends every `keep_open`, since the daemon shuts down. Does not wait."""
        for scope in list(self._kept_open):
            scope.cancel()

    async def _receive_and_ping(self, socket: Socket) -> None:
        while True:
            with trio.move_on_after(self.settings.limits.ping_seconds):
                while True:
                    await socket.receive()
            socket.try_send(frames.PING, (2,))


class _Conversation:
    """A member's conversation in a room that the connection has entered."""

    def __init__(self, handler: ConversationHandler, room: LiveRoom, connection: Connection) -> None:
        self._handler = handler
        self._room = room
        self._connection = connection
        self._bad_frames = TokenBucket()
        self._may_write = rights.may(connection.actor, Scope.WRITE)
        self._resume_at: int | None = None  # the id after the last history reply, if that reply reached the log's end

    async def run(self) -> None:
        """Serves until the socket ends.

        Raises:
            PeerGone, PeerStalled, StoreError, Forbidden: not a member, or a flood of bad frames
        """
        await self._open()
        connection, socket, settings = self._connection, self._connection.socket, self._handler.settings
        while True:
            text = await socket.receive()
            if connection.delivery.in_flight >= settings.limits.posts_in_flight:
                await connection.delivery.settled_below(settings.limits.posts_in_flight)
            try:
                frame = frames.decode(text)
            except frames.BadFrame as error:
                self._bad("bad_frame", str(error), **names_in(text)._asdict())
            else:
                await self._take(frame)

    async def _take(self, frame: frames.ClientFrame) -> None:
        match frame:
            case frames.SendMessage():
                self._room.types(self._connection, typing=False)
                await self._write(frame)
            case frames.SetLastRead() if not self._may_write:
                self._reply("forbidden", READ_ONLY)
            case frames.SetLastRead():
                self._handler.scribe.mark_read(self._room.room_id, self._connection.user.user_id, frame.message_id)
            case frames.Fetch():
                await self._fetch(frame)
            case frames.ListenLatest():
                await self._listen(frame)
            case frames.SetTyping() if self._may_write:
                self._room.types(self._connection, typing=True)
            case frames.SetTyping():
                self._reply("forbidden", READ_ONLY)
            case _:
                await self._write(frame)

    # --- history

    async def _open(self) -> None:
        room, user_id, limits = self._room, self._connection.user.user_id, self._handler.settings.limits
        # The scribe may have a newer read mark that is not stored yet, nor limited to the log's end. It is read first: the
        # scribe may store and forget it while the store still answers with the older one.
        pending_mark = self._handler.scribe.read_mark(room.room_id, user_id)
        stored_mark = await self._handler.marks.read(room.room_id, user_id)
        rights.require(self._connection.actor, Action.READ, is_member=stored_mark is not None)
        mark = max(stored_mark or 0, min(pending_mark, room.last_id))
        reply = None
        # Removed messages count as read: a page around a mark before the first message would look like the log's end.
        while reply is None or mark < room.first_id - 1:
            mark = max(mark, room.first_id - 1)
            # The head of the changes is read before the messages: what changes meanwhile comes again.
            make_frame = partial(frames.InitialState, mark, [], change_id=room.change_id, log=room.token)
            reply = self._history(mark - limits.initial_before, mark + limits.initial_after, make_frame)
            await reply.begin()
        await self._finish(reply)

    async def _fetch(self, frame: frames.Fetch) -> None:
        limits, request = self._handler.settings.limits, frame.request
        if not self._is_request(request):
            self._bad("bad_frame", f"A request has at most {limits.nonce_chars} characters")
            return
        if frame.ids is not None:
            await self._fetch_ids(frame, frame.ids)
            return
        assert frame.from_id is not None  # decode has checked both
        assert frame.to_id is not None
        if frame.to_id - frame.from_id >= limits.fetch_ids:
            self._bad("fetch_too_large", f"At most {limits.fetch_ids} ids in one fetch", request=request)
            return
        make_frame = partial(frames.FetchResponse, [], log=self._room.token, request=request)
        await self._answer_fetch(self._history(frame.from_id, frame.to_id, make_frame), frame.from_id, request)

    async def _fetch_ids(self, frame: frames.Fetch, ids: list[int]) -> None:
        limit = self._handler.settings.limits.fetch_single_ids
        if len(ids) > limit:
            self._bad("fetch_too_large", f"At most {limit} single ids in one fetch", request=frame.request)
            return
        mine = None
        if frame.mine:
            own = await self._room.stored.own_reactions(self._connection.user.user_id, ids)
            mine = {str(message_id): emojis for message_id, emojis in own.items()}
        make_frame = partial(frames.FetchResponse, [], log=self._room.token, request=frame.request, mine=mine)
        reply = IdsReply(self._room, ids, make_frame, self._handler.settings.limits.catch_up_bytes)
        await self._answer_fetch(reply, min(ids, default=0), frame.request)

    async def _answer_fetch(self, reply: HistoryReply, first_id: int, request: str | None) -> None:
        change_id = self._room.change_id
        try:
            await reply.begin()
        except StoreError as error:
            log.warning("fetch failed", room_id=self._room.room_id, error=str(error))
            self._reply("unavailable", "The messages could not be read; try again later", request=request)
            return
        await self._finish(reply)
        self._room.rewind_changes(self._connection, change_id, first_id)

    def _history(self, first_id: int, last_id: int, make_frame: MakeFrame) -> HistoryReply:
        return HistoryReply(self._room, first_id, last_id, make_frame, self._handler.settings.limits.catch_up_bytes)

    async def _finish(self, reply: HistoryReply) -> None:
        with self._handler.hub.stalled.begin(self._connection) as held:
            await reply.send(self._connection.socket, held.hold)
        if reply.resume_at is not None or not isinstance(reply, IdsReply):
            self._resume_at = reply.resume_at

    async def _listen(self, frame: frames.ListenLatest) -> None:
        room, delivery = self._room, self._connection.delivery
        if frame.log is not None and frame.log != room.token:
            self._reply("other_log", "The room has another log now; start afresh", log=room.token)
            return
        room.want(self._connection, frame.want)
        change_cursor = None if frame.after_change is None else room.change_cursor_after(frame.after_change)
        if frame.after_id is not None:
            cursor = await room.cursor_after(frame.after_id)
        elif delivery.listening:
            if change_cursor is None:
                return
            cursor = delivery.cursor
        else:
            cursor = self._resume_at or room.last_id + 1
        room.listen(self._connection, cursor, change_cursor, max(0, frame.held_from or 0))

    # --- writing

    async def _write(self, frame: frames.SendMessage | frames.ChangeFrame) -> None:
        reply = SocketReply(self._handler.hub, self._connection, self._room.room_id, frame.nonce)
        try:
            if isinstance(frame, frames.SendMessage):
                await self._handler.writer.post(self._connection.actor, self._room.room_id, frame, reply)
            else:
                await self._change(frame, reply)
        except BadDraft as error:
            self._bad(_CODES.get(error.field, "bad_frame"), error.problem, nonce=frame.nonce)
        except ReichatError as error:
            reply.expect()
            reply.refuse(error)

    async def _change(self, frame: frames.ChangeFrame, reply: SocketReply) -> None:
        writer, by, room_id = self._handler.writer, self._connection.actor, self._room.room_id
        writer.check_nonce(frame.nonce)
        match frame:
            case frames.EditMessage(message_id, content, mentions, if_change):
                await writer.edit(by, room_id, message_id, content, reply, mentions=mentions, if_change=if_change)
            case frames.DeleteMessages(message_ids):
                await writer.delete(by, room_id, message_ids, reply)
            case frames.AddReaction(message_id, emoji):
                await writer.react(by, room_id, message_id, emoji, reply, is_set=True)
            case frames.RemoveReaction(message_id, emoji):
                await writer.react(by, room_id, message_id, emoji, reply, is_set=False)
            case frames.PinMessage(message_id):
                await writer.pin(by, room_id, message_id, reply, is_set=True)
            case frames.UnpinMessage(message_id):
                await writer.pin(by, room_id, message_id, reply, is_set=False)

    # --- errors

    def _bad(
        self, code: frames.ErrorCode, message: str, *, nonce: str | None = None, request: str | None = None
    ) -> None:
        """Refuses a frame that no client should send; too many of them end the conversation."""
        self._reply(code, message, nonce=nonce, request=request)
        limit = self._handler.settings.limits.bad_frames_per_minute
        if self._bad_frames.take(trio.current_time(), limit / 60, limit):
            raise Forbidden("Too many bad frames")

    def _reply(
        self,
        code: frames.ErrorCode,
        message: str,
        *,
        nonce: str | None = None,
        request: str | None = None,
        log: str | None = None,
    ) -> None:
        """Sends an error, with the frame's nonce and request if these are valid."""
        names = {
            "nonce": nonce if self._is_nonce(nonce) else None,
            "request": request if self._is_request(request) else None,
        }
        self._connection.delivery.expect_reply()
        self._room.reply(self._connection, frames.error(code, message, **names, log=log))

    def _is_nonce(self, nonce: str | None) -> bool:
        return nonce is None or 1 <= len(nonce) <= self._handler.settings.limits.nonce_chars

    def _is_request(self, request: str | None) -> bool:
        return request is None or len(request) <= self._handler.settings.limits.nonce_chars
