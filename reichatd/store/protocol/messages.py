"""The methods for logs."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from reichatd.store.records import Change, Committed, Erasure, ErasureStep, LogHead, Message, Post, Reactor
from reichatd.store.retention import Cutoff, LogRange


class MessageStore(Protocol):
    """The logs of the rooms, and each member's read mark in them.

    A log is a sequence of ids without a gap. It grows at its end (`commit`), and may be cut from its front (`expire`). An emptied
    log continues with the id that would have been next.

    A message may be changed. Each commit gives every message that it changes one new number, its `change_id`: greater than all
    numbers in the room before. Only the last state of a message is kept, so there are gaps in the numbers.

    `shared`: whether other daemons may append to the same logs, so that a log may be longer than this process knows.

    What a live room reads, it asks for with the `LogHead.key` of its log as `log_key`. Where another daemon has deleted the room,
    and one was made again under its id, the answer is as if there was no room. Without a key, it is of whatever room has the id.
    """

    shared: bool

    async def commit(
        self, posts: Sequence[Post], read_marks: Mapping[tuple[str, str], int], changes: Sequence[Change] = ()
    ) -> Committed:
        """The group commit: makes all posts durable, each at the end of its room's log, then all changes, in this order.

        One scribe calls it, one call at a time (another daemon's scribe may do the same on the same store). A stored or repeated
        post also moves its author's read mark.

        Arguments:
            posts: posts of any rooms and authors.
            read_marks: (room_id, user_id) → message_id. Limited to the log's end; moves forward only; ignored for a user who is
                not a member.
            changes: of any rooms and messages.

        Returns:
            one answer per post and per change, in the same order. Ids in a room are 1, 2, 3, … with no gap. The nonce of a removed
            message is forgotten. What else decides about a post or a change is read in the commit (`reichatd.store.posting`,
            `reichatd.store.changing`), so that it holds for those of all daemons.
        """

    async def probe(self) -> None:
        """Returns if the store can be written to: makes a small write without effect, as durable as `commit`."""

    async def last_id(self, room_id: str, log_key: str = "") -> int | None:
        """The id of the last message, removed or not; 0 if there never was one, None if there is no such room."""

    async def first_ids(self, room_ids: Sequence[str]) -> list[int | None]:
        """Where logs begin: the id of the first message that was not removed, even if it is not posted yet.

        Returns:
            one id for each room, in the same order; None where there is no such room.
        """

    async def log_keys(self, room_ids: Sequence[str]) -> dict[str, str]:
        """The `LogHead.key` of each of these rooms that exist, by room id; empty in a store without a feed."""

    async def head(self, room_id: str) -> LogHead | None:
        """Where a log begins and ends; None if there is no such room."""

    async def changed(
        self,
        room_id: str,
        after_change: int,
        first_id: int,
        last_id: int,
        at_most: int,
        max_chars: int | None = None,
        log_key: str = "",
    ) -> list[Message]:
        """Messages from `first_id` to `last_id` whose `change_id` is greater than `after_change`, in the order of these numbers.

        With fewer than `at_most` (and if `is_cut` says no), there are no more. The cost does not grow with the number of changes
        or of messages, but with the smaller of: the range, and the changes after `after_change`.

        Arguments:
            max_chars: as in `range`.
        """

    async def by_ids(self, room_id: str, message_ids: Sequence[int], log_key: str = "") -> list[Message]:
        """Those of these messages that exist, in the order of their ids."""

    async def pinned(self, room_id: str) -> list[Message]:
        """The pinned messages, in the order of their ids."""

    async def own_reactions(
        self, user_id: str, room_id: str, message_ids: Sequence[int], log_key: str = ""
    ) -> dict[int, list[str]]:
        """The emojis with which this user reacted to each of these messages; without those that have none."""

    async def reactors(self, room_id: str, message_id: int, emoji: str, after: str, at_most: int) -> list[Reactor]:
        """The users who reacted with an emoji and whose ids come after `after`, ordered by id."""

    async def range(
        self, room_id: str, first_id: int, last_id: int, max_chars: int | None = None, log_key: str = ""
    ) -> list[Message]:
        """The existing messages from `first_id` to `last_id`, both included, in order.

        Any integers are allowed. Only durable messages are returned.

        Arguments:
            max_chars: the message with which the texts have this many characters together is the last one (`is_cut` tells).
        """

    async def written_by(self, user_id: str, room_id: str, first_id: int, last_id: int) -> list[Message]:
        """As `range`, for one author. It reads every message of the range: ask for a few thousand ids at a time."""

    async def read_marks(self, members: Sequence[tuple[str, str]]) -> list[int | None]:
        """The read marks of members, 0 at first; None for a user who is not a member, or if there is no such room.

        Arguments:
            members: (room_id, user_id), which may repeat.

        Returns:
            one mark for each, in the same order.
        """

    async def sweep(self, at_most: int) -> int:
        """Removes up to `at_most` messages of deleted rooms; returns how many."""

    async def expired(self, room_id: str, cutoff: Cutoff, first_id: int, at_most: int) -> LogRange:
        """What `expire` would remove from `first_id` on, up to `at_most` messages."""

    async def expire(self, room_id: str, cutoff: Cutoff, at_most: int) -> LogRange:
        """Removes up to `at_most` messages from the front of a log; returns what was removed.

        To be called until it removes fewer than `at_most`. A store that several daemons can write to may keep a message for some
        minutes longer.
        """


class ErasureStore(Protocol):
    """Erases the messages of deleted users in steps, so that posts never wait for long.

    A message keeps its id, author, time and nonce, and is deleted as by a change (`Extras.deleted` is "erased"). The user's
    reactions to other messages are taken back. `UserStore.delete_and_erase` begins an erasure.
    """

    async def all(self) -> list[Erasure]:
        """The erasures that are not done, and those that were done not long ago."""

    async def step(self, user_id: str, at_most: int, now: float) -> ErasureStep:
        """Looks at up to `at_most` further messages of all rooms, and erases those of the user.

        If it looked at fewer than `at_most`, the erasure is done.
        """

    async def purge(self) -> None:
        """Removes the earlier contents of messages that were erased, deleted or edited from the store's files, as far as it can.

        Delays posts only a little. To be called again and again: what cannot be removed now is removed later.
        """

    async def rewrite(self, at_most_bytes: int) -> bool:
        """Rewrites the store's file, if `purge` may have left copies of earlier contents there; returns whether it did.

        Posts wait meanwhile. It does nothing where no message was changed since the last time, or where the file is larger than
        `at_most_bytes`.
        """

    async def forget_done(self, before: float) -> None:
        """Removes the erasures that were done before `before`."""
