"""A conversation that survives lost connections: no message is lost, none appears twice, and each is shown as it is now.

Four rules ensure this. Messages are numbered without a gap: the client remembers the last number it has, and after each reconnect
listens from there on. Each posted message has a nonce, an id of its own, and is sent again with the same nonce until the server
acknowledges it: the server stores it once. A message that is not acknowledged yet is shown as pending. Changes of messages have
numbers of their own: the client remembers the last one, listens after it, and takes a state only if its number is greater than
that of the state it has. An older server knows no changes, and is not asked for any.
"""

import random
import re
import secrets
from bisect import bisect_left
from collections.abc import Callable
from typing import NamedTuple

import trio
from msgspec import structs
from trio_websocket import ConnectionClosed

from reichatd.terminal import frames
from reichatd.terminal.client import ServerClient, Unreachable
from reichatd.terminal.connection import Connection
from reichatd.terminal.frames import Message

_LONGEST_PAUSE_SECONDS = 30.0

_RETRY_AFTER = re.compile(r"; retry-after-ms=(\d{1,6})$")
"""At the end of a close reason: when a server that restarts asks the client to reconnect."""

POLICY_VIOLATION = 1008
"""The close code after which reconnecting is useless: the user may not be in the room."""
TOO_BIG = 1009
"""The close code for a frame that is too big (RFC 6455, 7.4.1); it would be too big again."""


class Outcome(NamedTuple):
    """The outcome of a posted message. Without a `message_id` it is not stored, and `refusal` gives the reason, for a person."""

    content: str
    message_id: int | None
    refusal: str
    reply_to: int = 0


class Ended(Exception):
    """The server does not admit the user to this room, or no longer. The text is for a person."""


class Conversation:
    """One member's conversation in one room. `run` connects and reconnects; all other methods can be called in Trio at any time,
    and never wait.

    Arguments:
        changed: called when the screen must be redrawn.
        settled: called once for each posted message, when its outcome is known.
        listens: whether to follow the log; if not, messages are only posted.
        shows_typing: whether to see who types, and to show others that this user does.
    """

    def __init__(
        self,
        server: ServerClient,
        room_id: str,
        changed: Callable[[], None],
        settled: Callable[[Outcome], None] = lambda _: None,
        *,
        listens: bool = True,
        shows_typing: bool = False,
    ) -> None:
        self.messages: list[Message] = []
        """The known part of the log, oldest first, without a gap."""
        self.pending: dict[str, str] = {}
        """Posted messages that are not acknowledged, by nonce, oldest first."""
        self.replies: dict[str, int] = {}
        """Those of them that are replies: to which message."""
        self.change_id = 0
        """The last change that is known."""
        self.log = ""
        """The name of the log; "" if it is not known, or the server knows no changes."""
        self.typing: list[str] = []
        """The ids of other users who type."""
        self.shows_typing = shows_typing
        self.is_complete = False
        """Whether `messages` begins with the first message of the log."""
        self.read_to: int | None = None
        """The last message that was read before this conversation started; None until that is known."""
        self.offline_reason = "connecting"
        """Why the client is offline; "" while it is online."""
        self.notice = ""
        """The latest refusal of the server, in its words, or another note for the user."""
        self.listens = listens
        self._server = server
        self._room_id = room_id
        self._changed = changed
        self._settled = settled
        self._connection: Connection | None = None  # while online
        self._failures = -1  # since the client was online; -1 before the first try

    @property
    def is_online(self) -> bool:
        return self.offline_reason == ""

    @property
    def last_id(self) -> int:
        """The last known message; 0 if none is."""
        return self.messages[-1].message_id if self.messages else self.read_to or 0

    @property
    def own_id(self) -> str:
        """The id of the user; "" if it is not known."""
        return self._server.login.user_id if self._server.login else ""

    def find(self, message_id: int) -> Message | None:
        """The message with this id, if it is known."""
        index = self._index(message_id)
        return None if index is None else self.messages[index]

    def post(self, content: str, nonce: str = "", *, reply_to: int = 0) -> None:
        """Posts a message: at once, or as soon as the client is online.

        Arguments:
            nonce: identifies the message; "" for a random one.
            reply_to: the id of the message that it replies to; 0 for none.
        """
        self.notice = ""
        nonce = nonce or secrets.token_hex(8)
        self.pending[nonce] = content
        if reply_to:
            self.replies[nonce] = reply_to
        if self._connection is not None:
            self._connection.has_pending.set()
        self._changed()

    def ask_earlier(self) -> None:
        """Requests the messages before `messages`, if there are any and the client is online."""
        if self._connection is not None and self.messages and not self.is_complete:
            self._connection.ask_earlier(self.messages[0].message_id)

    def send(self, frame: frames.Change | frames.SendTyping) -> None:
        """Sends a frame, if the client is online and the server knows such frames; otherwise says so."""
        if self._connection is None:
            self.show("this is only possible online")
        elif not self.log:
            self.show("this server is too old for that")
        else:
            if not isinstance(frame, frames.SendTyping):
                self.show("")
            self._connection.send(frame)

    async def run(self) -> None:
        """Connects, and reconnects when the connection ends.

        Raises:
            Ended, LoggedOut: reconnecting is useless.
        """
        while True:
            self._failures += 1
            retry_after = None
            connection = Connection(self, self._server)
            try:
                await self._server.renew()  # the server refuses a WebSocket with an expired access token
                await connection.run(self._room_id)
            except Unreachable as error:
                self._disconnected(str(error))
            except ConnectionClosed as error:
                code, reason = (error.reason.code, error.reason.reason or "") if error.reason else (1006, "")
                self._disconnected(reason.partition(";")[0] or "the connection was lost")
                if code == POLICY_VIOLATION:
                    raise Ended(self.offline_reason) from error
                if code == TOO_BIG and connection.in_flight:
                    self.settle(connection.in_flight, refusal="the message is too big for this server")
                retry_after = _RETRY_AFTER.search(reason)
            # The pause is random: other clients that were disconnected reconnect too.
            pause = random.uniform(0.1, 1.0) * min(2.0**self._failures, _LONGEST_PAUSE_SECONDS)
            await trio.sleep(int(retry_after[1]) / 1000 if retry_after else pause)

    def _disconnected(self, reason: str) -> None:
        self._connection = None
        self.offline_reason = reason
        self.typing = []
        self._changed()

    def _index(self, message_id: int) -> int | None:
        index = bisect_left(self.messages, message_id, key=lambda message: message.message_id)
        is_held = index < len(self.messages) and self.messages[index].message_id == message_id
        return index if is_held else None

    # --- called by the connection, for frames of the server

    def connected(self, connection: Connection, state: frames.InitialState) -> None:
        """The server has accepted a new connection."""
        if self.log and state.log and state.log != self.log:
            self.start_afresh()
        if self.read_to is None:
            self.change_id = state.change_id
            self.read_to = state.last_read_id
            self.messages = state.messages
            self.is_complete = not state.messages or state.messages[0].message_id <= state.first_id
        self.log = state.log
        self.offline_reason = ""
        self._failures = -1
        self._connection = connection
        self._changed()

    def jump(self, page: list[Message]) -> None:
        """Continues with this page, the end of the log. The messages before it can be scrolled to."""
        if page and page[0].message_id > self.last_id + 1:
            skipped = page[0].message_id - self.last_id - 1
            self.messages, self.is_complete = page, False
            self.show(f"{skipped:,} more unread above: PgUp")

    def add(self, message: Message) -> None:
        """Adds the next message of the log. A known one is ignored, in case the server repeats itself."""
        if message.message_id > self.last_id:
            self.messages.append(message)
            self._changed()

    def listen_frame(self) -> frames.ListenLatest:
        """Asks for the messages after the last known one and, where the server knows them, for changes."""
        if not self.log:
            return frames.ListenLatest(self.last_id)
        held_from = self.messages[0].message_id if self.messages else max(1, self.last_id)
        want = ["typing"] if self.shows_typing else []
        return frames.ListenLatest(self.last_id, self.change_id, held_from, self.log, want)

    def start_afresh(self) -> None:
        """Forgets the log: it is not the same any more. The next connection begins with the new one."""
        self.messages, self.read_to, self.change_id, self.log = [], None, 0, ""

    def change(self, message: Message) -> None:
        """Takes the state of a message that has changed, unless a later one is known."""
        index = self._index(message.message_id)
        if index is not None and self.messages[index].change_id < message.change_id:
            self.messages[index] = message
        self.caught_up(message.change_id)
        self._changed()

    def change_reactions(self, frame: frames.ReactionsChanged) -> None:
        """Takes the reactions of a message, in the same way."""
        held = self.find(frame.message_id)
        if held is not None:
            self.change(structs.replace(held, change_id=frame.change_id, reactions=frame.reactions))
        else:
            self.caught_up(frame.change_id)

    def caught_up(self, change_id: int) -> None:
        """All changes up to this one are known."""
        self.change_id = max(self.change_id, change_id)

    def types(self, user_ids: list[str]) -> None:
        """These users type now."""
        self.typing = [user_id for user_id in user_ids if user_id != self.own_id]
        self._changed()

    def add_earlier(self, page: frames.FetchResponse) -> None:
        """Adds earlier messages; an empty page: there are none. A page requested before a jump is ignored: it would leave a gap."""
        if not self.messages:
            return
        first = self.messages[0].message_id
        earlier = [message for message in page.messages if message.message_id < first]
        if earlier and earlier[-1].message_id != first - 1:
            return
        self.messages[:0] = earlier
        self.is_complete = not earlier or earlier[0].message_id <= page.first_id
        self._changed()

    def settle(self, nonce: str, message_id: int | None = None, refusal: str = "") -> None:
        """Ends the wait for a posted message: it is stored, or refused for good."""
        content = self.pending.pop(nonce, None)
        reply_to = self.replies.pop(nonce, 0)
        self.show(refusal)
        if content is not None:
            self._settled(Outcome(content, message_id, refusal, reply_to))

    def show(self, notice: str) -> None:
        """Shows a notice to the user; "" removes the last one."""
        self.notice = notice
        self._changed()
