"""What the REST calls can do in a conversation."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

from reichatd.accounts import Identity
from reichatd.messaging.fields import Content, Mentions, MessageId, Nonce
from reichatd.messaging.pages import PageQuery
from reichatd.rights import UserActor
from reichatd.store import Reactor


class Caller(NamedTuple):
    """Who calls: an authenticated user, and the same as use cases take it, with the client's address.

    Arguments:
        seen: `Messaging.endings` before the user was authenticated.
    """

    identity: Identity
    actor: UserActor
    seen: int = 0


class Draft(Struct, frozen=True):
    """A post, as a client sends it; see `reichatd.store.Post`."""

    content: Content
    nonce: Nonce | None = None
    reply_to: MessageId | None = None
    mentions: Mentions | None = None
    mention_room: bool = False


class Posted(NamedTuple):
    """A message that is in the log; `is_new` is False if an earlier call has put it there."""

    message_id: int
    is_new: bool


class Body(Protocol):
    """The body of a response, while it is sent: all its parts come from one task, or by `try_send`. The gateway implements it."""

    client: str
    """The client's address."""
    is_chunked: bool
    """Whether each part goes as a chunk (`as_part`); otherwise the end of the connection ends the body."""

    @property
    def has_pending(self) -> bool:
        """Whether bytes that `try_send` took are not sent yet: `send` sends them."""

    def try_send(self, data: bytes, ends: Sequence[int], /) -> int:
        """Sends as many parts as the connection takes at once: see `reichatd.chat.Socket`. The first ones go by `send`."""

    async def send(self, data: bytes) -> None:
        """Sends parts, the first time after the response's head; waits until the connection has taken them.

        Raises:
            PeerGone, PeerStalled: see `reichatd.chat.Socket`.
        """

    async def refuse(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        """Sends another response in place of this one, of which nothing was sent yet.

        Arguments:
            headers: added to those that it has.
            data: the whole body.

        Raises:
            PeerGone, PeerStalled: as `send`.
        """

    def set_buffer(self, size: int) -> None:
        """Sets the size of the kernel's buffer for what the client has not read yet, in bytes. Raises PeerGone."""

    async def departed(self) -> None:
        """Waits until the client has closed the connection, or at least its side of it. May be cancelled and called again."""


Later = Callable[[Body], Awaitable[None]]
"""Sends the body of a response. It raises PeerGone; before it has sent anything also ReichatError and StoreError: see `refuse`."""

HAND_OVER = "reichatd.hand_over"
"""The key of a request's scope under which the gateway takes a `Later`: it must not raise errors then."""


def as_part(data: bytes, *, is_chunked: bool) -> bytes:
    """Some of a body, as it goes over the connection."""
    return b"%x\r\n%b\r\n" % (len(data), data) if is_chunked and data else data


class Messaging(Protocol):
    """A room's conversation. Any task may call the methods; all wait.

    Each asks whether the user is a member. All may raise RoomNotFound, Forbidden, Unavailable and StoreError. Those that write may
    also raise Malformed (with the field that is wrong), Muted and RateLimited, and return when the change is durable; if they are
    cancelled, it may be made or not. Those that change a message return the `change_id` that it has then; a repeat changes nothing.
    """

    @property
    def endings(self) -> int:
        """Counts what ends login sessions: the session of an identity that was read before may have ended."""

    async def post(self, by: Caller, room_id: str, draft: Draft) -> Posted:
        """Posts a message. Raises also MessageNotFound: there is no message to reply to."""

    async def edit(
        self,
        by: Caller,
        room_id: str,
        message_id: int,
        content: str,
        *,
        mentions: Sequence[str] | None = None,
        if_change: int | None = None,
    ) -> int:
        """Gives an own message a new content. Raises also MessageNotFound, MessageDeleted, EditTooLate, Conflict."""

    async def delete(self, by: Caller, room_id: str, message_id: int) -> int:
        """Deletes a message: an own one, or as owner or moderator any. Raises also MessageNotFound."""

    async def react(self, by: Caller, room_id: str, message_id: int, emoji: str, *, is_set: bool) -> int:
        """Adds a reaction, or takes it back. Raises also MessageNotFound, MessageDeleted, TooManyReactions."""

    async def pin(self, by: Caller, room_id: str, message_id: int, *, is_set: bool) -> int:
        """Pins a message, or takes the pin off. Raises also MessageNotFound, MessageDeleted, TooManyPins."""

    async def mark_read(self, by: Caller, room_id: str, message_id: int) -> None:
        """Moves the user's read mark forward, to the end of the log at most."""

    async def pins(self, by: Caller, room_id: str) -> bytes:
        """The pinned messages, in the order of their ids: a list of `MessageView`, as JSON."""

    async def reactors(
        self, by: Caller, room_id: str, message_id: int, emoji: str, after: str, at_most: int
    ) -> list[Reactor]:
        """The users who reacted with an emoji, and whose ids come after this one, ordered by id. Raises also MessageNotFound."""

    async def page(self, by: Caller, room_id: str, query: PageQuery) -> AsyncGenerator[bytes]:
        """A page of messages, as JSON: one object, in pieces. The caller closes it. Raises also OtherLog.

        A piece may raise StoreError: then the object stays incomplete.
        """

    async def poll(self, by: Caller, room_id: str, query: PageQuery, seconds: float) -> AsyncGenerator[bytes] | Later:
        """As `page`, for a query with `After`: without messages and changes, the page comes later, when there are some.

        Arguments:
            seconds: how long that may take at most; then it is empty. It is too if the user may not stay: the next call says why.

        Raises also RateLimited: the user follows too many rooms. The `Later` may raise all of these too, before it sends anything.
        """

    async def follow(
        self, by: Caller, room_id: str, after_id: int | None, after_change: int | None, log: str | None
    ) -> Later:
        """Each message and change, as a Server-Sent Event, for as long as the user may stay.

        Arguments:
            after_id: begins after this message; None for the end of the log.
            after_change: sends the changes after this number; None for those from now on.
            log: see `PageQuery`.

        Raises also OtherLog, RateLimited.
        """
