"""Posts and changes that are not durable yet, and the receivers of their outcomes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from reichatd.errors import ReichatError
from reichatd.store import Change, ChangedMessage, Post, User


class LiveRooms(Protocol):
    """The live rooms, as the scribe sees them. Nothing here waits.

    A `log_key` says which log was written to (see `Committed`). A live room with another key is not told: the room that it was has
    been deleted by another daemon, and one was made again under its id.
    """

    def publish(self, room_id: str, entries: list[tuple[int, bytes]], log_key: str = "") -> None:
        """Passes durable messages (id, frame) of one room, in order."""

    def reaches(self, room_id: str, last_id: int, log_key: str = "") -> None:
        """A message of this room was stored before, perhaps by another daemon, or by a commit whose answer was lost."""

    def change(self, room_id: str, changed: Sequence[ChangedMessage], log_key: str = "") -> None:
        """Passes durable changed messages of one room, in the order of their change ids."""

    def mentioned(self, room_id: str, message_id: int, by: str, user_ids: Iterable[str], *, everyone: bool) -> None:
        """A message of the user `by` mentions these users; with `everyone`, all members."""

    def marks_moved(self, read_marks: Mapping[tuple[str, str], int]) -> None:
        """Passes durable read marks, (room_id, user_id) → message_id."""


class Reply(Protocol):
    """Gets the outcome of one post or change: `expect` is called, then one of `accept` and `refuse`, once. None waits."""

    def expect(self) -> None:
        """It is queued: the outcome follows."""

    def accept(self, message_id: int, change_id: int | None, *, is_new: bool) -> None:
        """It is durable.

        Arguments:
            message_id: of a deletion, the first of the messages.
            change_id: the number that the message has now; None for a post.
            is_new: False if it was so already.
        """

    def refuse(self, error: ReichatError) -> None:
        """It was not stored."""


class PostReply(Reply, Protocol):
    """Gets the outcome of one post."""

    @property
    def user(self) -> User:
        """Who posts, with the name of today."""


class PendingPost(msgspec.Struct, frozen=True):
    """A post, and what waits for its outcome.

    Arguments:
        is_named: whether its nonce, if it has one, is its author's.
    """

    post: Post
    reply: PostReply
    is_named: bool = True


class PendingChange(msgspec.Struct, frozen=True):
    """A change, what waits for its outcome, and the address that it came from."""

    change: Change
    reply: Reply
    client: str
