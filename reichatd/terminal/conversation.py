"""A conversation that outlives its connections: nothing is lost, nothing comes twice.

Three rules make it so. Messages are numbered without a gap: we remember the last number we have, and after each reconnect listen
from there on. Each message that we post has a nonce, a name of its own, and is sent again under the same one until the server
acknowledges it: the server stores it once. And what is not acknowledged is shown as such.
"""

import random
import re
import secrets
from collections.abc import Callable
from typing import NamedTuple

import trio
from trio_websocket import ConnectionClosed

from reichatd.terminal import frames
from reichatd.terminal.client import ServerClient, Unreachable
from reichatd.terminal.connection import Connection
from reichatd.terminal.frames import Message

_LONGEST_PAUSE = 30.0

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
        server: ServerClient,
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
        self._connection: Connection | None = None  # while it is good
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
            connection = Connection(self, self._server)
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

    def begin(self, connection: Connection, state: frames.InitialState) -> None:
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
        """What came before; nothing if that was all. A page from before a leap is passed over: it would leave a gap."""
        if not self.messages:
            return
        first = self.messages[0].message_id
        earlier = [message for message in page.messages if message.message_id < first]
        if earlier and earlier[-1].message_id != first - 1:
            return
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
