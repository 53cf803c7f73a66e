"""One socket's conversation, from its token to its goodbye."""

from contextlib import suppress
from functools import partial

import structlog
import trio

from reichatd import rights
from reichatd.accounts import Accounts, Identity
from reichatd.chat import frames
from reichatd.chat.connection import Connection
from reichatd.chat.content import trimmed
from reichatd.chat.history import HistoryReply, Show
from reichatd.chat.hub import Hub
from reichatd.chat.rate_limit import TokenBucket
from reichatd.chat.read_marks import MarkReader
from reichatd.chat.room import LiveRoom
from reichatd.chat.salvage import names_in
from reichatd.chat.scribe import Scribe
from reichatd.chat.socket import ABORT, PeerGone, PeerStalled, Socket
from reichatd.errors import Forbidden, ReichatError, Unauthorized
from reichatd.rights import Action, UserActor
from reichatd.settings import LiveSettings
from reichatd.store import StoreError
from reichatd.text import is_blank

_HELD_SECONDS = 3600.0

log = structlog.get_logger()


class ConversationHandler:
    """What every conversation needs. `converse` is called once for each socket, by the socket's own task."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        hub: Hub,
        marks: MarkReader,
        scribe: Scribe,
        settings: LiveSettings,
    ) -> None:
        self.accounts = accounts
        self.marks = marks
        self.hub = hub
        self.scribe = scribe
        self.settings = settings
        self._held: set[trio.CancelScope] = set()

    async def converse(self, socket: Socket, room_id: str, token: str | None, ticket: str | None = None) -> None:
        """Serves one open socket until either side ends it, and closes it. Raises nothing but Cancelled.

        Arguments:
            token: the access token that came with the handshake; None if there was none.
            ticket: in place of a token.
        """
        code, reason = ABORT, ""
        try:
            code, reason = await self._serve(socket, room_id, token, ticket)
        except PeerStalled:
            code, reason = 1013, "Reader too slow for too long"
        except PeerGone:
            pass
        except ReichatError as error:
            code, reason = error.close_code, error.message
        except StoreError as error:
            log.warning("store failed, socket closed", room_id=room_id, error=str(error))
            code, reason = 1011, "Internal error"
        except Exception:
            log.exception("conversation crashed", room_id=room_id)
            code, reason = 1011, "Internal error"
        finally:
            log.debug("socket closed", room_id=room_id, close_code=code, reason=reason)
            await socket.close(code, reason)

    async def hold(self, socket: Socket, proof: str | None) -> None:
        """Keeps a socket open that says nothing but pings, so that the operator sees whether all between lets it live.

        Until the peer ends it, or `let_go`, or for an hour; raises nothing but Cancelled.

        Arguments:
            proof: that it is the operator (`Accounts.is_operator`); others are sent away.
        """
        code, reason = 4001, "Unauthorized"
        if proof is not None and self.accounts.is_operator(proof):
            code, reason = 1001, "Time to go"
            with suppress(PeerGone), trio.move_on_after(_HELD_SECONDS) as scope:
                self._held.add(scope)
                try:
                    await self._hear_and_ping(socket)
                finally:
                    self._held.discard(scope)
        await socket.close(code, reason)

    def let_go(self) -> None:
        """Ends what `hold` holds: the daemon goes down. Does not wait."""
        for scope in list(self._held):
            scope.cancel()

    async def _hear_and_ping(self, socket: Socket) -> None:
        while True:
            with trio.move_on_after(self.settings.limits.ping_seconds):
                while True:
                    await socket.receive()
            socket.try_send(frames.PING, (2,))

    async def _serve(self, socket: Socket, room_id: str, token: str | None, ticket: str | None) -> tuple[int, str]:
        """Serves until somebody ends it; returns how."""
        with trio.CancelScope() as scope:
            if ticket is not None:
                token = self.accounts.redeem(ticket)
            connection = Connection(socket, await self._authenticate(token), scope)
            # From here to the registration in the hub nothing waits: no logout can fall in between.
            try:
                room = await self.hub.enter(room_id, connection)
                await _Conversation(self, room, connection).run()
            finally:
                # Out of the room before the goodbye: no broadcast may follow a close frame. And nothing waits on the way here
                # from an answer that was cut: see Socket.unbroken.
                self.hub.leave(room_id, connection)
        return connection.closing or (ABORT, "")

    async def _authenticate(self, token: str | None) -> Identity:
        if token is None:
            raise Unauthorized
        while True:
            seen = self.hub.changes
            identity = await self.accounts.authenticate(token)
            if self.hub.changes == seen:
                return identity
            # A session ended or a user was renamed while this one was read: it may be out of date.


class _Conversation:
    """A member's conversation with a room that he has entered."""

    def __init__(self, chat: ConversationHandler, room: LiveRoom, connection: Connection) -> None:
        self._chat = chat
        self._room = room
        self._connection = connection
        self._posts = TokenBucket()
        self._bad_frames = TokenBucket()
        self._resume_at: int | None = None  # the id after the last answer, if that answer reached the log's end

    async def run(self) -> None:
        """Until the socket ends.

        Raises:
            PeerGone, PeerStalled, StoreError, Forbidden: not a member, or a flood of bad frames
        """
        await self._open()
        chat, socket, connection = self._chat, self._connection.socket, self._connection
        while True:
            text = await socket.receive()
            if connection.in_flight >= chat.settings.limits.posts_in_flight:
                await connection.settled_below(chat.settings.limits.posts_in_flight)
            try:
                frame = frames.decode(text)
            except frames.BadFrame as error:
                self._bad("bad_frame", str(error), **names_in(text)._asdict())
            else:
                await self._take(frame)

    async def _take(self, frame: frames.ClientFrame) -> None:
        match frame:
            case frames.SendMessage():
                await self._post(frame)
            case frames.SetLastRead():
                self._chat.scribe.mark_read(self._room.room_id, self._connection.user.user_id, frame.message_id)
            case frames.Fetch():
                await self._fetch(frame)
            case frames.ListenLatest():
                await self._listen(frame)

    # --- answers

    async def _open(self) -> None:
        room, user_id, limits = self._room, self._connection.user.user_id, self._chat.settings.limits
        # A newer read mark may still be on its way to the store: the scribe knows it, not yet clamped to the log's end. Asked
        # first: it can be written, and forgotten by the scribe, while the store answers with the one before it.
        coming_mark = self._chat.scribe.read_mark(room.room_id, user_id)
        stored_mark = await self._chat.marks.read(room.room_id, user_id)
        actor = UserActor(user_id, self._connection.session.session_id)
        rights.require(actor, Action.READ, is_member=stored_mark is not None)
        mark = max(stored_mark or 0, min(coming_mark, room.last_id))
        state = None
        # What was removed counts as read: a page around a mark before the beginning of the log would look like its end.
        while state is None or mark < room.first_id - 1:
            mark = max(mark, room.first_id - 1)
            show = partial(frames.InitialState, mark, [])
            state = self._answer(mark - limits.initial_before, mark + limits.initial_after, show)
            await state.begin()
        await self._finish(state)

    async def _fetch(self, frame: frames.Fetch) -> None:
        limits, request = self._chat.settings.limits, frame.request
        if not self._is_request(request):
            self._bad("bad_frame", f"A request has at most {limits.nonce_chars} characters")
            return
        if frame.to_id - frame.from_id >= limits.fetch_ids:
            self._bad("fetch_too_large", f"At most {limits.fetch_ids} ids in one fetch", request=request)
            return
        answer = self._answer(frame.from_id, frame.to_id, partial(frames.FetchResponse, [], request=request))
        try:
            await answer.begin()
        except StoreError as error:
            log.warning("fetch failed", room_id=self._room.room_id, error=str(error))
            self._reply("unavailable", "The messages could not be read; try again later", request=request)
            return
        await self._finish(answer)

    def _answer(self, first_id: int, last_id: int, show: Show) -> HistoryReply:
        return HistoryReply(self._room, first_id, last_id, show, self._chat.settings.limits.catch_up_bytes)

    async def _finish(self, answer: HistoryReply) -> None:
        await answer.send(self._connection.socket)
        self._resume_at = answer.resume_at

    async def _listen(self, frame: frames.ListenLatest) -> None:
        room = self._room
        if frame.after_id is not None:
            await self._listen_after(max(0, frame.after_id))
        elif not self._connection.listening:
            room.listen(self._connection, self._resume_at or room.last_id + 1)

    async def _listen_after(self, after_id: int) -> None:
        room = self._room
        if after_id > room.last_id:
            # It may have read, from the store, what is durable and yet to be broadcast. What is beyond that does not exist: a
            # client that waited for it would miss all that comes before.
            after_id = min(after_id, await room.stored_last_id())
        room.listen(self._connection, after_id + 1)

    # --- changes

    async def _post(self, frame: frames.SendMessage) -> None:
        content, nonce, limits = trimmed(frame.content), frame.nonce, self._chat.settings.limits
        if not 1 <= len(content) <= limits.message_chars:
            self._bad("bad_content", f"A message has 1 to {limits.message_chars} characters", nonce=nonce)
        elif is_blank(content):
            self._bad("bad_content", "There is nothing to see in this message", nonce=nonce)
        elif not self._is_nonce(nonce):
            self._bad("bad_nonce", f"A nonce has 1 to {limits.nonce_chars} characters")
        elif wait := self._posts.take(trio.current_time(), limits.messages_per_second, limits.messages_burst):
            retry_after = round(wait + 0.0005, 3)
            self._reply("rate_limited", "Too many messages; wait a little", nonce=nonce, retry_after=retry_after)
        else:
            await self._chat.scribe.post(self._connection, self._room.room_id, content, nonce)

    # --- refusals

    def _bad(
        self, code: frames.ErrorCode, message: str, *, nonce: str | None = None, request: str | None = None
    ) -> None:
        """Refuses a frame that no client should send; a flood of them ends the conversation."""
        self._reply(code, message, nonce=nonce, request=request)
        limit = self._chat.settings.limits.bad_frames_per_minute
        if self._bad_frames.take(trio.current_time(), limit / 60, limit):
            raise Forbidden("Too many bad frames")

    def _reply(
        self,
        code: frames.ErrorCode,
        message: str,
        *,
        nonce: str | None = None,
        request: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Sends an error, under the frame's own names unless these are not as they must be."""
        names = {
            "nonce": nonce if self._is_nonce(nonce) else None,
            "request": request if self._is_request(request) else None,
        }
        self._connection.in_flight += 1
        self._room.reply(self._connection, frames.error(code, message, **names, retry_after=retry_after))

    def _is_nonce(self, nonce: str | None) -> bool:
        return nonce is None or 1 <= len(nonce) <= self._chat.settings.limits.nonce_chars

    def _is_request(self, request: str | None) -> bool:
        return request is None or len(request) <= self._chat.settings.limits.nonce_chars
