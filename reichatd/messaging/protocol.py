"""What the REST calls can do in a conversation."""

from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

from reichatd.accounts import Identity
from reichatd.messaging.pages import PageQuery
from reichatd.rights import UserActor
from reichatd.store import Reactor


class Caller(NamedTuple):
    """Who calls: an authenticated user, and the same as use cases take it, with the client's address."""

    identity: Identity
    actor: UserActor


class Draft(Struct, frozen=True):
    """A post, as a client sends it; see `reichatd.store.Post`."""

    content: str
    nonce: str | None = None
    reply_to: int | None = None
    mentions: Sequence[str] | None = None
    mention_room: bool = False


class Posted(NamedTuple):
    """A message that is in the log; `is_new` is False if an earlier call has put it there."""

    message_id: int
    is_new: bool


class Messaging(Protocol):
    """A room's conversation. Any task may call the methods; all wait.

    Each asks whether the user is a member. All may raise RoomNotFound, Forbidden, Unavailable and StoreError. Those that write may
    also raise Malformed (with the field that is wrong), Muted and RateLimited, and return when the change is durable; if they are
    cancelled, it may be made or not. Those that change a message return the `change_id` that it has then; a repeat changes nothing.
    """

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
