"""One connection of a conversation: a WebSocket, and its tasks that read, post, mark messages as read, and ping."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import trio
from trio_websocket import ConnectionClosed, HandshakeError, WebSocketConnection

from reichatd.repeated_event import RepeatedEvent
from reichatd.terminal import frames
from reichatd.terminal.client import ServerClient, Unreachable

if TYPE_CHECKING:
    from reichatd.terminal.conversation import Conversation

PAGE = 100
"""How many earlier messages are fetched at once."""
_JUMP_BEHIND = 1_000
"""If more messages are missing, the client jumps to the end of the log: loading all takes long, and the user can scroll up."""
_PING_SECONDS = 20.0
_MARK_SECONDS = 1.0
_TYPING_SECONDS = 6.0
"""How long someone counts as typing, unless a later frame says so again."""
OTHER_LOG = "other_log"
"""The code of the error that says that the room's log is not the one that the client knows."""
_RETRIED_CODES = {"rate_limited", "unavailable"}


class Connection:
    """One WebSocket and its tasks."""

    def __init__(self, conversation: "Conversation", server: ServerClient) -> None:
        self.has_pending = RepeatedEvent()
        """Set by the conversation when there is a message to post."""
        self.in_flight = ""
        """The nonce of the message that was sent and is not answered yet."""
        self.heard_typing = RepeatedEvent()
        """Set when the server has said who types."""
        self._conversation = conversation
        self._server = server
        self._socket: WebSocketConnection
        self._outgoing, self._to_send = trio.open_memory_channel[frames.ClientFrame](math.inf)
        self._answered = RepeatedEvent()  # the message in flight is
        self._pause = 0.0  # before the next message, in seconds
        self._asked_before: int | None = None  # the last argument of `ask_earlier`
        self._jumping = False  # until the end of the log has arrived

    async def run(self, room_id: str) -> None:
        """Runs the connection from the handshake to its end.

        Raises: Unreachable, ConnectionClosed.
        """
        errors: list[Exception] = []
        try:
            # We close the stream: the library leaves it open if the handshake is refused.
            async with await self._server.connect() as stream, trio.open_nursery() as nursery:
                self._socket = await self._server.open_websocket(nursery, stream, room_id)
                for task in (self._send, self._post, self._ping):
                    nursery.start_soon(task)
                if self._conversation.shows_typing:
                    nursery.start_soon(self.forget_typing)
                if self._conversation.listens:
                    nursery.start_soon(self._mark_read)
                while True:
                    self._handle(frames.decode(await self._socket.get_message()))
        except* (ConnectionClosed, HandshakeError, Unreachable) as group:
            errors += _flatten(group)
        first = errors[0]  # several tasks may have failed, the library's own among them
        raise Unreachable("the server refused the WebSocket") if isinstance(first, HandshakeError) else first

    def ask_earlier(self, message_id: int) -> None:
        """Requests the page before this message, once."""
        if self._asked_before != message_id:
            self._asked_before = message_id
            self._outgoing.send_nowait(frames.Fetch(max(1, message_id - PAGE), message_id - 1))

    def send(self, frame: frames.Change | frames.SendTyping) -> None:
        """Sends a frame; the answer to a change is an ack, or an error, which is shown."""
        self._outgoing.send_nowait(frame)

    def _handle(self, frame: frames.ServerFrame | None) -> None:
        conversation = self._conversation
        match frame:
            case frames.InitialState():
                conversation.connected(self, frame)
                self._request_log(frame.last_id)
                self.has_pending.set()
            case frames.LatestMessage(message=message):
                conversation.add(message)
            case frames.MessageChanged(message=message):
                conversation.change(message)
            case frames.ReactionsChanged():
                conversation.change_reactions(frame)
            case frames.CaughtUp(change_id=change_id):
                conversation.caught_up(change_id)
            case frames.Typing(user_ids=user_ids):
                conversation.types(user_ids)
                self.heard_typing.set()
            case frames.FetchResponse(messages=page) if self._jumping:
                conversation.jump(page)
                self._listen()
            case frames.FetchResponse():
                conversation.add_earlier(frame)
            case frames.Ack(nonce=nonce, message_id=message_id) if nonce == self.in_flight:
                conversation.settle(nonce, message_id)
                self._answered.set()
            case frames.Error(nonce=str(nonce)) if nonce == self.in_flight:
                if frame.code in _RETRIED_CODES:
                    self._pause = frame.retry_after or 1.0
                    conversation.show(frame.message)
                else:
                    conversation.settle(nonce, refusal=frame.message)
                self._answered.set()
            case frames.Error(code=code) if code == OTHER_LOG:
                conversation.start_afresh()
                raise Unreachable("the room has another log now")
            case frames.Error(nonce=str()):
                conversation.show(frame.message)  # of a change
            case frames.Error():
                self._asked_before = None
                conversation.show(frame.message)
                if self._jumping:  # the end of the log could not be fetched
                    self._listen()

    def _request_log(self, last_id: int) -> None:
        """Requests the log from the last known message on, or its end if too much is missing.

        Arguments:
            last_id: the last message of the log; 0 if that is not known.
        """
        if not self._conversation.listens:
            return
        if last_id - self._conversation.last_id > _JUMP_BEHIND:
            self._jumping = True
            self._outgoing.send_nowait(frames.Fetch(last_id - PAGE + 1, last_id))
        else:
            self._listen()

    def _listen(self) -> None:
        self._jumping = False
        self._outgoing.send_nowait(self._conversation.listen_frame())

    async def _send(self) -> None:
        async for frame in self._to_send:
            await self._socket.send_message(frames.encode(frame))

    async def _post(self) -> None:
        """Posts pending messages in their order: one at a time, each until it is settled."""
        while True:
            await self.has_pending.wait()
            self.has_pending.clear()
            while self._conversation.pending:
                nonce, content = next(iter(self._conversation.pending.items()))
                self._answered.clear()
                self.in_flight = nonce
                self._outgoing.send_nowait(frames.Post(content, nonce, self._conversation.replies.get(nonce)))
                await self._answered.wait()
                self.in_flight = ""
                pause, self._pause = self._pause, 0.0
                await trio.sleep(pause)

    async def _mark_read(self) -> None:
        """Marks messages as read, at most once per `_MARK_SECONDS`."""
        marked = 0
        while True:
            if self._conversation.is_online and not self._jumping and self._conversation.last_id > marked:
                marked = self._conversation.last_id
                self._outgoing.send_nowait(frames.SetLastRead(marked))
            await trio.sleep(_MARK_SECONDS)

    async def forget_typing(self) -> None:
        """Forgets who types if the server says nothing more of it for a while."""
        while True:
            await self.heard_typing.wait()
            while self.heard_typing.is_set():
                self.heard_typing.clear()
                with trio.move_on_after(_TYPING_SECONDS):
                    await self.heard_typing.wait()
            self._conversation.types([])

    async def _ping(self) -> None:
        """Detects a dead connection: a lost network sends no error."""
        while True:
            await trio.sleep(_PING_SECONDS)
            with trio.move_on_after(_PING_SECONDS):
                await self._socket.ping()
                continue
            raise Unreachable("the server does not answer")


def _flatten(group: BaseExceptionGroup[Any]) -> Iterator[Any]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _flatten(error)
        else:
            yield error
