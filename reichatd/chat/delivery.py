"""How far the delivery to one connection has come, and what it needs next. Pure: it decides, the broadcaster sends."""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

import trio

from reichatd.repeated_event import RepeatedEvent


class State(Enum):
    """What a delivery is doing. The arrows are methods of `Delivery`.

        OUT ── enter ──▶ IDLE ── advance ──▶ IN_STEP
                         │  ▲                   │
                 advance │  │ end_catch_up      │ advance
                         ▼  │                   │
                       LAGGING ◀────────────────┘

    From each of them `leave` leads back to OUT.
    """

    OUT = "out"
    """In no room: nothing is sent."""
    IDLE = "idle"
    """Does not listen, and has nothing pending."""
    IN_STEP = "in step"
    """Has everything before the broadcaster's position, and is sent each round."""
    LAGGING = "lagging"
    """A catch-up task sends what is pending, and the log from the cursor on."""


class Step(Enum):
    """What a delivery needs next."""

    NOTHING = "nothing"
    FLUSH = "flush"
    """Replies or pending bytes have to go out."""
    SEND_LOG = "send log"
    """The cursor is behind the broadcaster's position."""
    SEND_CHANGES = "send changes"
    """It has the messages, and lacks changes of them."""
    WAIT = "wait"
    """It is ahead of the position: a round is under way, or the client has read ahead in the store."""


class Position(NamedTuple):
    """How far all rounds have sent a room's log.

    Arguments:
        next_id: the first id that was not sent.
        change_id: the number of the last change that was sent.
    """

    next_id: int
    change_id: int


class Delivery:
    """What one connection is to be sent, and has been. There is no queue: two cursors into the room's log, and a few replies.

    Replies are the frames for this connection alone (acks, errors). `limits.posts_in_flight` bounds their number.

    Changed by the room's broadcaster, except for `expect_reply` (conversation and scribe) and `settle` (broadcaster and scribe).
    Only `settled_below` waits.
    """

    __slots__ = (
        "_settled",
        "catch_up",
        "change_cursor",
        "cursor",
        "held_from",
        "in_flight",
        "listening",
        "replies",
        "says_caught_up",
        "state",
    )

    def __init__(self) -> None:
        self.state = State.OUT
        self.cursor = 0
        """The id of the next message to send; counts only while listening."""
        self.change_cursor: int | None = None
        """The number of the last change that was sent; None if the client wants no changes. Counts only while listening."""
        self.held_from = 0
        """Until it has caught up, changes of messages before this id are not sent."""
        self.says_caught_up = False
        """Whether the client is to be told when it has everything."""
        self.listening = False
        """Whether the client has asked for the log."""
        self.replies: list[bytes] = []
        """Those that the socket did not take at once."""
        self.in_flight = 0
        """Posts without an outcome, and replies that are not sent."""
        self.catch_up: trio.CancelScope | None = None
        """For the catch-up task, while LAGGING."""
        self._settled: RepeatedEvent | None = None  # made when first waited for: most connections never do

    # --- the state

    def enter(self) -> None:
        """The connection is in a room, and does not listen yet."""
        self.state = State.IDLE

    def leave(self) -> None:
        """Nothing is sent from here on; a catch-up task is cancelled. Harmless if it has left before."""
        self.state = State.OUT
        self.listening = False
        if self.catch_up is not None:
            self.catch_up.cancel()

    def listen(self, cursor: int, change_cursor: int | None = None, held_from: int = 0) -> None:
        """The client wants each message from id `cursor` on, and perhaps changes. `advance` must follow.

        Arguments:
            change_cursor: the number after which it wants changes; None for none.
            held_from: until it has caught up, it wants those of messages from this id on.
        """
        self.listening = True
        self.cursor = cursor
        self.change_cursor = change_cursor
        self.held_from = held_from
        self.says_caught_up = change_cursor is not None

    def took(self, frames: int, messages: int, change_ids: Sequence[int]) -> None:
        """The socket has taken the first frames of a round.

        Arguments:
            frames: how many.
            messages: how many of the round's frames are messages; those are the first.
            change_ids: the numbers of the others, which are changes.
        """
        self.cursor += min(frames, messages)
        if frames > messages:
            self.change_cursor = change_ids[frames - messages - 1]

    def is_at(self, position: Position) -> bool:
        """Whether it has everything before this position."""
        return (self.cursor, self.change_cursor) == position

    def rewind_changes(self, change_id: int, first_id: int) -> bool:
        """The changes after `change_id` are to be sent again: the client may have got older states of messages since.

        Arguments:
            first_id: the first of these messages.

        Returns:
            whether `advance` must follow.
        """
        if self.change_cursor is None or not self.listening:
            return False
        self.held_from = min(self.held_from, first_id)
        if self.change_cursor <= change_id:
            return False
        self.change_cursor = change_id
        return True

    def next_step(self, position: Position, *, flushed: bool) -> Step:
        """What has to be done next. Changes come after messages: none comes before its message.

        Arguments:
            flushed: whether the socket has no pending bytes.
        """
        if self.replies or not flushed:
            return Step.FLUSH
        if not self.listening:
            return Step.NOTHING
        if self.cursor < position.next_id:
            return Step.SEND_LOG
        change_cursor = position.change_id if self.change_cursor is None else self.change_cursor
        if change_cursor < position.change_id:
            return Step.SEND_CHANGES
        return Step.NOTHING if (self.cursor, change_cursor) == position else Step.WAIT

    def advance(self, position: Position, *, flushed: bool) -> State:
        """Finds the state again after a change. OUT and LAGGING stay: they end by `enter` and `end_catch_up`.

        Where the state becomes LAGGING, the caller starts a catch-up task in the scope `catch_up`.

        Arguments: as for `next_step`.
        """
        if self.state is State.IDLE or self.state is State.IN_STEP:
            if self.next_step(position, flushed=flushed) is not Step.NOTHING:
                self.state, self.catch_up = State.LAGGING, trio.CancelScope()
            else:
                self.state = State.IN_STEP if self.listening else State.IDLE
        return self.state

    def end_catch_up(self) -> None:
        """The catch-up task has ended. If it has done its work, `advance` must follow."""
        self.catch_up = None
        if self.state is State.LAGGING:
            self.state = State.IDLE

    # --- replies

    def take_replies(self) -> list[bytes]:
        """Hands over the replies to send. They are in flight until `settle`."""
        replies, self.replies = self.replies, []
        return replies

    def expect_reply(self) -> None:
        """A post has been taken, or a reply is about to be sent: one more is in flight."""
        self.in_flight += 1

    def settle(self, count: int) -> None:
        """Of what is in flight, `count` replies have been sent, or posts need none."""
        self.in_flight -= count
        if self._settled is not None:
            self._settled.notify_all()

    async def settled_below(self, limit: int) -> None:
        """Waits until fewer than `limit` posts and replies are in flight. For the conversation's task."""
        if self._settled is None:
            self._settled = RepeatedEvent()
        while self.in_flight >= limit:
            await self._settled.wait()
