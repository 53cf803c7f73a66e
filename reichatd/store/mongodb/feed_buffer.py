"""The events that wait for the event loop: bounded, and each said once. Pure, but for its lock."""

from collections.abc import Iterable, Iterator, Sequence
from threading import Condition

from reichatd.store.feed import FeedEvent, MessagesChanged, MessagesPosted
from reichatd.store.records import Message

_CHARS = 8_000_000
"""When this much waits, the thread waits too. Nothing is dropped: the server keeps what was not fetched for as long as its log of
operations reaches back. It is about what one answer of the server can hold (16 MB)."""

_EVENT_CHARS = 200
"""Counted for each message and event, beside the content."""

_AT_ONCE = 200
"""Messages and events that are told without a pause: some milliseconds of the event loop."""


class FeedBuffer:
    """Events on their way from the thread of the feed to the event loop.

    Messages of one log are together, at the place of the first of them; all else is at the place of its last repeat. So no change
    comes before its message.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._events: dict[object, FeedEvent | list[Message]] = {}
        self._chars = 0
        self._closed = False

    def add(self, events: Sequence[FeedEvent]) -> bool:
        """Adds events, after a wait while too much is there. Called in the thread.

        Returns:
            False once the buffer is closed; nothing is added then.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._chars < _CHARS)
            if self._closed:
                return False
            for event in events:
                self._add(event)
            return True

    def _add(self, event: FeedEvent) -> None:
        if isinstance(event, MessagesPosted):
            messages = self._events.setdefault((MessagesPosted, event.log_key), [])
            assert isinstance(messages, list)
            messages.extend(event.messages)
            self._chars += sum(_EVENT_CHARS + len(message.content) for message in event.messages)
            return
        # The last number of a log's changes says all that those before it did.
        place = (MessagesChanged, event.log_key) if isinstance(event, MessagesChanged) else event
        if self._events.pop(place, None) is None:
            self._chars += _EVENT_CHARS
        self._events[place] = event

    def take(self) -> list[FeedEvent]:
        """Empties the buffer; [] if it is closed. Called from the event loop; waits for no more than a moment."""
        with self._changed:
            events, self._events, self._chars = self._events, {}, 0
            self._changed.notify_all()
        return [_as_event(place, event) for place, event in events.items()]

    def close(self) -> None:
        """Drops what is there and lets the thread go on; from here on it stays empty. Called from the event loop."""
        with self._changed:
            self._closed = True
            self._events = {}
            self._changed.notify_all()

    @property
    def is_closed(self) -> bool:
        return self._closed

    def wait_closed(self, seconds: float) -> bool:
        """Waits until the buffer is closed, for `seconds` at most; whether it is. Called in the thread."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed, seconds)


def portions(events: Iterable[FeedEvent]) -> Iterator[list[FeedEvent]]:
    """The same events in portions. After an interruption of the feed there may be tens of thousands of messages."""
    portion: list[FeedEvent] = []
    room = _AT_ONCE
    for event in events:
        for part in _parts(event):
            portion.append(part)
            room -= len(part.messages) if isinstance(part, MessagesPosted) else 1
            if room <= 0:
                yield portion
                portion, room = [], _AT_ONCE
    if portion:
        yield portion


def _parts(event: FeedEvent) -> Iterator[FeedEvent]:
    if not isinstance(event, MessagesPosted) or len(event.messages) <= _AT_ONCE:
        yield event
        return
    for start in range(0, len(event.messages), _AT_ONCE):
        yield MessagesPosted(event.log_key, event.messages[start : start + _AT_ONCE])


def _as_event(place: object, event: FeedEvent | list[Message]) -> FeedEvent:
    if isinstance(event, list):
        assert isinstance(place, tuple)
        return MessagesPosted(place[1], event)
    return event
