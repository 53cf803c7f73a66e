"""A conversation that outlives its connections: nothing is lost, nothing comes twice.

Three rules make it so. Messages are numbered without a gap: we remember the last number we have, and after each reconnect listen
from there on. Each message that we post has a nonce, a name of its own, and is sent again under the same one until the server
acknowledges it: the server stores it once. And what is not acknowledged is shown as such.
"""

import math
import random
import re
import secrets
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import trio
from trio_websocket import ConnectionClosed, HandshakeError, WebSocketConnection

from reichatd.terminal import frames
from reichatd.terminal.frames import Message
from reichatd.terminal.server import Server, Unreachable

PAGE = 100
"""Messages that are asked for at once, upwards."""
_FAR = 1_000
"""So many messages behind the end, we go there at once: to be sent all of them takes long, and history can be read upwards."""
_LONGEST_PAUSE = 30.0
_PING_SECONDS = 20.0
_READ_SECONDS = 1.0
_WORTH_ANOTHER_TRY = {"rate_limited", "unavailable"}

_ASKED_PAUSE = re.compile(r"; retry-after-ms=(\d{1,6})$")
"""At the end of a close reason: how long a server that restarts asks us to stay away."""

NOT_WELCOME = 1008
"""The close code after which it is no use to come back."""
TOO_BIG = 1009
"""The close code of a frame that stays too big, however often it is sent (RFC 6455, 7.4.1)."""


class Outcome(NamedTuple):
    """What became of a message that was said. Without a `message_id` it is not stored, and `refusal` says why, for a person."""

    content: str
    message_id: int | None
    refusal: str


class Ended(Exception):
    """The server will not have us in this room, or not any more. The text is for a person."""


class Conversation:
    """One member's conversation with one room. `run` keeps it up; all else may be called at any time within Trio, and never waits.

    Arguments:
        changed: is called when something is to be shown again.
        settled: is called once for each message that was said, when its outcome is known.
        listens: whether to follow the log; without it messages are only posted.
    """

    def __init__(
        self,
        server: Server,
        room_id: str,
        changed: Callable[[], None],
        settled: Callable[[Outcome], None] = lambda _: None,
        *,
        listens: bool = True,
    ) -> None:
        self.messages: list[Message] = []
        """What we have of the log, oldest first, without a gap."""
        self.pending: dict[str, str] = {}
        """What was said and is not acknowledged, by nonce, oldest first."""
        self.begins = False
        """Whether `messages` begins where the log does."""
        self.read_to: int | None = None
        """The last message that had been read when the conversation began; None until that is known."""
        self.trouble = "connecting"
        """Why we are offline; "" while we are not."""
        self.notice = ""
        """What the server refused last, in its words, or where it put us."""
        self.listens = listens
        self._server = server
        self._room_id = room_id
        self._changed = changed
        self._settled = settled
        self._connection: _Connection | None = None  # while it is good
        self._tries = -1  # since we were online

    @property
    def last_id(self) -> int:
        return self.messages[-1].message_id if self.messages else self.read_to or 0

    def say(self, content: str, nonce: str = "") -> None:
        """Posts a message: at once, or as soon as we are online.

        Arguments:
            nonce: what the message is known by; "" for a random one.
        """
        self.notice = ""
        self.pending[nonce or secrets.token_hex(8)] = content
        if self._connection is not None:
            self._connection.said.set()
        self._changed()

    def ask_earlier(self) -> None:
        """Asks for what lies before `messages`; it comes if there is any and we are online."""
        if self._connection is not None and self.messages and not self.begins:
            self._connection.ask_earlier(self.messages[0].message_id)

    async def run(self) -> None:
        """Keeps up the conversation.

        Raises:
            Ended, LoggedOut: it is no use to go on.
        """
        while True:
            self._tries += 1
            asked = None
            connection = _Connection(self, self._server)
            try:
                await self._server.renew()  # an access token that is too old opens no socket
                await connection.run(self._room_id)
            except Unreachable as error:
                self._offline(str(error))
            except ConnectionClosed as error:
                code, reason = (error.reason.code, error.reason.reason or "") if error.reason else (1006, "")
                self._offline(reason.partition(";")[0] or "the connection was lost")
                if code == NOT_WELCOME:
                    raise Ended(self.trouble) from error
                if code == TOO_BIG and connection.in_flight:
                    self.settle(connection.in_flight, refusal="the message is too big for this server")
                asked = _ASKED_PAUSE.search(reason)
            # A random pause: whoever was cut with us comes back, too.
            pause = random.uniform(0.1, 1.0) * min(2.0**self._tries, _LONGEST_PAUSE)
            await trio.sleep(int(asked[1]) / 1000 if asked else pause)

    def _offline(self, why: str) -> None:
        self._connection = None
        self.trouble = why
        self._changed()

    # --- what the server says, by the connection

    def begin(self, connection: "_Connection", state: frames.InitialState) -> None:
        """A new connection is welcome."""
        if self.read_to is None:
            self.read_to = state.last_read_id
            self.messages = state.messages
            self.begins = not state.messages or state.messages[0].message_id <= state.first_id
        self.trouble = ""
        self._tries = -1
        self._connection = connection
        self._changed()

    def leap(self, page: list[Message]) -> None:
        """Goes on at this page, the end of the log; what lies between is read upwards, like all history."""
        if page and page[0].message_id > self.last_id + 1:
            passed_over = page[0].message_id - self.last_id - 1
            self.messages, self.begins = page, False
            self.refuse(f"{passed_over:,} more unread above: PgUp")

    def add(self, message: Message) -> None:
        """The next message of the log. One that we have (a server that repeats itself) is passed over."""
        if message.message_id > self.last_id:
            self.messages.append(message)
            self._changed()

    def add_earlier(self, page: frames.FetchResponse) -> None:
        """What came before; nothing if that was all."""
        if not self.messages:
            return
        first = self.messages[0].message_id
        earlier = [message for message in page.messages if message.message_id < first]
        self.messages[:0] = earlier
        self.begins = not earlier or earlier[0].message_id <= page.first_id
        self._changed()

    def settle(self, nonce: str, message_id: int | None = None, refusal: str = "") -> None:
        """A message of ours is stored, or will never be."""
        content = self.pending.pop(nonce, None)
        self.refuse(refusal)
        if content is not None:
            self._settled(Outcome(content, message_id, refusal))

    def refuse(self, refusal: str) -> None:
        self.notice = refusal
        self._changed()


class _Connection:
    """One WebSocket, and the tasks that it takes."""

    def __init__(self, conversation: Conversation, server: Server) -> None:
        self.said = trio.Event()
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
