"""One connection of a conversation: its WebSocket, and the tasks that read, post, mark and ping on it."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import trio
from trio_websocket import ConnectionClosed, HandshakeError, WebSocketConnection

from reichatd.terminal import frames
from reichatd.terminal.client import ServerClient, Unreachable

if TYPE_CHECKING:
    from reichatd.terminal.conversation import Conversation

PAGE = 100
"""Messages that are asked for at once, upwards."""
_FAR = 1_000
"""Messages behind the end from which on a client goes there at once: all of them take long, and history can be read upwards."""
_PING_SECONDS = 20.0
_READ_SECONDS = 1.0
_WORTH_ANOTHER_TRY = {"rate_limited", "unavailable"}


class Connection:
    """One WebSocket, and the tasks that it takes."""

    def __init__(self, conversation: "Conversation", server: ServerClient) -> None:
        self.said = trio.Event()
        """Is set, by the conversation, when there is something to post."""
        self.in_flight = ""
        """The nonce of the message that was sent last, until it is answered."""
        self._conversation = conversation
        self._server = server
        self._socket: WebSocketConnection
        self._outgoing, self._to_send = trio.open_memory_channel[frames.ClientFrame](math.inf)
        self._answered = trio.Event()  # the message that is under way
        self._pause = 0.0  # before the next one
        self._asked_before: int | None = None
        self._leaping = False  # until the end of the log has come

    async def run(self, room_id: str) -> None:
        """From the handshake to the end.

        Raises: Unreachable, ConnectionClosed.
        """
        ends: list[Exception] = []
        try:
            # Closed by us in every case: the library leaves the connection of a refused handshake open.
            async with await self._server.connect() as stream, trio.open_nursery() as nursery:
                self._socket = await self._server.enter(nursery, stream, room_id)
                for task in (self._send, self._post, self._ping):
                    nursery.start_soon(task)
                if self._conversation.listens:
                    nursery.start_soon(self._mark_read)
                while True:
                    self._take(frames.decode(await self._socket.get_message()))
        except* (ConnectionClosed, HandshakeError, Unreachable) as group:
            ends += _leaves(group)
        end = ends[0]  # several tasks may have noticed, the library's own among them
        raise Unreachable("no WebSocket is to be had there") if isinstance(end, HandshakeError) else end

    def ask_earlier(self, message_id: int) -> None:
        """Asks, once, for the page before this message."""
        if self._asked_before != message_id:
            self._asked_before = message_id
            self._outgoing.send_nowait(frames.Fetch(max(1, message_id - PAGE), message_id - 1))

    def _take(self, frame: frames.ServerFrame | None) -> None:
        conversation = self._conversation
        match frame:
            case frames.InitialState():
                conversation.begin(self, frame)
                self._follow(frame.last_id)
                self.said.set()
            case frames.LatestMessage(message=message):
                conversation.add(message)
            case frames.FetchResponse(messages=page) if self._leaping:
                conversation.leap(page)
                self._listen()
            case frames.FetchResponse():
                conversation.add_earlier(frame)
            case frames.Ack(nonce=nonce, message_id=message_id):
                conversation.settle(nonce, message_id)
                self._answered.set()
            case frames.Error(nonce=str(nonce)):
                if frame.code in _WORTH_ANOTHER_TRY:
                    self._pause = frame.retry_after or 1.0
                    conversation.refuse(frame.message)
                else:
                    conversation.settle(nonce, refusal=frame.message)
                self._answered.set()
            case frames.Error():
                self._asked_before = None
                conversation.refuse(frame.message)
                if self._leaping:  # the end is not to be had alone
                    self._listen()

    def _follow(self, last_id: int) -> None:
        """Sees to it that the log comes, from what we have on, or from its end if that is far.

        Arguments:
            last_id: where the log ends; 0 if that is not known.
        """
        if not self._conversation.listens:
            return
        if last_id - self._conversation.last_id > _FAR:
            self._leaping = True
            self._outgoing.send_nowait(frames.Fetch(last_id - PAGE + 1, last_id))
        else:
            self._listen()

    def _listen(self) -> None:
        self._leaping = False
        self._outgoing.send_nowait(frames.ListenLatest(after_id=self._conversation.last_id))

    async def _send(self) -> None:
        async for frame in self._to_send:
            await self._socket.send_message(frames.encode(frame))

    async def _post(self) -> None:
        """Posts what is pending: in the order in which it was said, so one at a time, each until it is settled."""
        while True:
            await self.said.wait()
            self.said = trio.Event()
            while self._conversation.pending:
                nonce, content = next(iter(self._conversation.pending.items()))
                self._answered = trio.Event()
                self.in_flight = nonce
                self._outgoing.send_nowait(frames.Post(content, nonce))
                await self._answered.wait()
                self.in_flight = ""
                pause, self._pause = self._pause, 0.0
                await trio.sleep(pause)

    async def _mark_read(self) -> None:
        """Says, not too often, how far we have read."""
        marked = 0
        while True:
            if self._conversation.trouble == "" and not self._leaping and self._conversation.last_id > marked:
                marked = self._conversation.last_id
                self._outgoing.send_nowait(frames.SetLastRead(marked))
            await trio.sleep(_READ_SECONDS)

    async def _ping(self) -> None:
        """Finds out that nobody is there any more: a network that is gone says nothing."""
        while True:
            await trio.sleep(_PING_SECONDS)
            with trio.move_on_after(_PING_SECONDS):
                await self._socket.ping()
                continue
            raise Unreachable("nobody answers")


def _leaves(group: BaseExceptionGroup[Any]) -> Iterator[Any]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
