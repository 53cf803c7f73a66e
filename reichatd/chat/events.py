"""Server-Sent Events: the frames of a room's listeners as an event stream (https://html.spec.whatwg.org/multipage/server-sent-events.html).

An event's data is what a frame has: `latest_message`, `message_changed` or `reactions_changed`. Its id is a pair of cursors: a
client that resumes there has each message and change up to it.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from reichatd.chat import frames
from reichatd.chat.listener import Listener
from reichatd.messaging import Body, as_part

COMMENT = b":\n\n"
"""A line that clients ignore: it shows proxies that the connection is alive."""


class Cursor(NamedTuple):
    """The last message and the last change that a client has."""

    message_id: int
    change_id: int

    def __str__(self) -> str:
        return f"{self.message_id}.{self.change_id}"


class Events(NamedTuple):
    """Some frames as events: the bytes, the offset of the end of each (a frame may have no event), and the cursor after each."""

    data: bytes
    ends: list[int]
    cursors: list[Cursor]


class _Named(msgspec.Struct):
    message_id: int = 0
    change_id: int = 0
    last_id: int = 0


class _Frame(msgspec.Struct):
    """What the cursor depends on, of any frame."""

    type: str
    message: _Named = msgspec.field(default_factory=_Named)
    message_id: int = 0
    change_id: int = 0
    last_id: int = 0


_decoder = msgspec.json.Decoder(_Frame)


class EventEncoder:
    """Makes events of frames. The events of a round are made once for all streams that are in step. Pure.

    Arguments:
        soon: has a function called in a moment: events are not kept for longer, since their messages may be changed or deleted.
    """

    def __init__(self, soon: Callable[[Callable[[], None]], None] = lambda _: None) -> None:
        self._soon = soon
        self._last: tuple[bytes, Cursor, bool, Events] | None = None

    def encode(self, data: bytes, cursor: Cursor, *, is_chunked: bool) -> Events:
        """The events of these frames, for a client that has everything up to the cursor."""
        if self._last is not None and self._last[0] is data and self._last[1:3] == (cursor, is_chunked):
            return self._last[3]
        parts: list[bytes] = []
        ends: list[int] = []
        cursors: list[Cursor] = []
        end, reached = 0, cursor
        for payload in frames.payloads(data):
            reached, has_event = _after(_decoder.decode(payload), reached)
            if has_event:
                event = b"".join((b"id: ", str(reached).encode(), b"\ndata: ", payload, b"\n\n"))
                parts.append(as_part(event, is_chunked=is_chunked))
                end += len(parts[-1])
            ends.append(end)
            cursors.append(reached)
        events = Events(b"".join(parts), ends, cursors)
        if self._last is None:
            self._soon(self._forget)
        self._last = (data, cursor, is_chunked, events)
        return events

    def _forget(self) -> None:
        self._last = None


def _after(frame: _Frame, cursor: Cursor) -> tuple[Cursor, bool]:
    """Where a client is after a frame, and whether it has an event."""
    match frame.type:
        case "latest_message":
            return cursor._replace(message_id=frame.message.message_id), True
        case "message_changed":
            return cursor._replace(change_id=frame.message.change_id), True
        case "reactions_changed":
            return cursor._replace(change_id=frame.change_id), True
        case "caught_up":
            return Cursor(frame.last_id, frame.change_id), False
    return cursor, False


class EventStream(Listener):
    """A response as the room sees its listeners: implements `reichatd.chat.Socket`, for frames that go to listeners.

    Arguments:
        body: whose first part is sent already.
        cursor: what the client has.
    """

    __slots__ = ("_body", "_encoder", "cursor")

    def __init__(self, body: Body, encoder: EventEncoder, cursor: Cursor) -> None:
        super().__init__(body.client)
        self._body = body
        self._encoder = encoder
        self.cursor = cursor
        """What the client has, when all is sent."""

    def try_send(self, data: bytes, ends: Sequence[int]) -> int:
        events = self._encoder.encode(data, self.cursor, is_chunked=self._body.is_chunked)
        taken = self._body.try_send(events.data, events.ends)
        if taken:
            self.cursor = events.cursors[taken - 1]
        return taken

    @property
    def has_pending(self) -> bool:
        return self._body.has_pending

    async def send(self, data: bytes) -> None:
        events = self._encoder.encode(data, self.cursor, is_chunked=self._body.is_chunked)
        if events.cursors:
            # Before the wait: a cancelled send still goes out whole.
            self.cursor = events.cursors[-1]
        await self._body.send(events.data)
