"""What every store can do, whatever it is made of.

All methods may be called from any task; each hops to a worker thread and waits for the answer there. Each is one atomic step: it
has happened entirely or not at all when it returns, and a cancelled caller (an HTTP handler is, when its connection
breaks) leaves nothing half done. Every method raises `StoreError` when the store fails, and nothing else.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from reichatd.store.bulk import BulkImport
from reichatd.store.errors import FailureCounter
from reichatd.store.records import (
    Appended,
    Attempt,
    BanOutcome,
    JoinOutcome,
    Keep,
    Membership,
    Message,
    Post,
    Progress,
    RegisterOutcome,
    Registration,
    Room,
    RoomHead,
    RoomOverview,
    RoomSummary,
    Session,
    Totals,
    TransferOutcome,
    User,
)
from reichatd.store.retention import Cutoff, LogRange


class UserStore(Protocol):
    """Registrations and the users they become."""

    async def register(self, registration: Registration, at_most: int) -> RegisterOutcome:
        """Stores a registration beside the others of its address. Beyond `at_most` of them the oldest go."""

    async def pending(self, email: str) -> list[Registration]:
        """The registrations of an address, oldest first."""

    async def take_try(self, email: str, now: float, ends_at: float) -> Attempt | None:
        """Takes one try off an address, and returns what there is to compare a code with; None if there is nothing.

        The try is taken before anything is compared, so that tries made at once cannot outnumber the limit. They are counted
        for the address, in a window: registering again renews none.

        Arguments:
            ends_at: when a window ends that begins now, because the last one is over.
        """

    async def confirm(self, registration: Registration, user: User) -> User | None:
        """Turns this very registration (same address, same `code_hash`) into `user`; the others of the address are removed.

        Returns:
            the user that it became: another than `user` if an earlier call made one of it. None if it is not there, or if
            another registration of the address has become a user.
        """

    async def by_id(self, user_id: str) -> User | None: ...

    async def by_ids(self, user_ids: Sequence[str]) -> list[User | None]:
        """One answer for each id, in the same order."""

    async def by_email(self, email: str) -> User | None: ...

    async def page(self, after: str, at_most: int) -> list[User]:
        """The users whose addresses come after this one, in the order of addresses without regard to ASCII case."""

    async def registrations(self, after: str, at_most: int) -> list[Registration]:
        """As `page`, of those who have yet to prove their address: all registrations of `at_most` addresses."""

    async def rename(self, user_id: str, username: str) -> bool:
        """False if there is no such user."""

    async def change_password(
        self, user_id: str, old_hash: str, new_hash: str, keep_session_id: str
    ) -> list[str] | None:
        """Changes the password hash from `old_hash` and ends the user's other sessions: their ids are returned.

        None if the hash is no longer `old_hash` (or the user is gone): nothing has changed.
        """

    async def set_password(self, user_id: str, new_hash: str) -> list[str] | None:
        """Changes the password hash, whatever it was, and ends all sessions: their ids; None if there is no such user."""

    async def disable(self, user_id: str) -> list[str] | None:
        """Ends all sessions, and keeps new ones from counting until `enable`: their ids; None if there is no such user."""

    async def enable(self, user_id: str) -> bool:
        """False if there is no such user."""

    async def delete(self, user_id: str) -> bool:
        """Removes a user with his sessions, memberships, bans and any registration of his address.

        His messages stay, and so do the rooms that he owns: see to those before. False if there was no such user; a call
        that ended in a StoreError may have removed a part, and the next one removes the rest.
        """

    async def delete_expired(self, now: float) -> int:
        """Removes registrations with `expires_at` at or before `now`; returns how many."""


class SessionStore(Protocol):
    """Login sessions."""

    async def create(self, session: Session) -> None: ...

    async def get(self, session_id: str) -> tuple[Session, User] | None:
        """A session and whose it is, in one read; None if it has ended or the user is gone or disabled."""

    async def by_refresh_hash(self, refresh_hash: str) -> Session | None:
        """None where `get` would be."""

    async def living(self, session_ids: Sequence[str]) -> set[str]:
        """Those of these ids that `get` would find."""

    async def of_user(self, user_id: str) -> list[Session]:
        """Those that `get` would find, oldest first."""

    async def end(self, session_id: str) -> bool:
        """False if it had ended before."""

    async def end_all(self, user_id: str) -> list[str] | None:
        """Ends all sessions of a user: their ids; None if there is no such user."""

    async def delete_expired(self, now: float) -> int:
        """Removes sessions with `expires_at` at or before `now`; returns how many."""


class RoomStore(Protocol):
    """Rooms, their members and their bans."""

    async def create(self, room: Room) -> bool:
        """Stores a new room with the members it names, as it is, `first_id` included; False if its id is taken.

        An id is taken by a room whose id differs from it in case only, too. Ids are ASCII.
        """

    async def get(self, room_id: str) -> Room | None:
        """A room with all its members; see `head`."""

    async def head(self, room_id: str, user_id: str = "") -> RoomHead | None:
        """A room without its members, and whether this user is one."""

    async def is_free(self, room_id: str) -> bool:
        """Whether no room has this id, in upper or lower case: `create` would not find it taken."""

    async def public(self) -> list[RoomSummary]:
        """Every room without a password, oldest first."""

    async def joined(self, user_id: str) -> list[Room]:
        """The rooms that this user is a member of, in the order they were joined."""

    async def joined_summaries(self, user_id: str) -> list[RoomSummary]:
        """As `joined`, without the members."""

    async def progress(self, user_id: str) -> list[Progress]:
        """How far this user has read in each room, in the order the rooms were joined; the cost grows with their number only."""

    async def page(self, after: str, at_most: int) -> list[RoomOverview]:
        """The rooms whose ids come after this one, in the order of ids."""

    async def owned(self, user_id: str) -> list[str]:
        """The ids of the rooms that this user owns, in their order."""

    async def memberships(self, user_id: str) -> list[Membership]:
        """This user's memberships, in the order the rooms were joined."""

    async def update(self, room_id: str, name: str, description: str) -> bool:
        """Leaves the password as it is. False if there is no such room."""

    async def update_with_password(self, room_id: str, name: str, description: str, password_hash: str | None) -> bool:
        """As `update`, with a new password or none. False if there is no such room."""

    async def transfer(self, room_id: str, user_id: str) -> TransferOutcome:
        """Makes a member the owner."""

    async def keep(self, room_id: str, keep: Keep | None) -> bool:
        """Sets for how long the room's messages are kept; None: as for all rooms. False if there is no such room."""

    async def kept(self, after: str, at_most: int, *, all_rooms: bool) -> list[tuple[str, Keep | None]]:
        """Up to `at_most` rooms whose ids are beyond `after`, in the order of ids, each with its own `keep`.

        Arguments:
            all_rooms: False for those only that have one.
        """

    async def delete(self, room_id: str) -> bool:
        """Removes the room, its members, bans and log; a later room of the same id begins an empty log at 1.

        The messages may be removed bit by bit afterwards (`Messages.sweep`); nobody can read them from here on. False if
        there is no such room.
        """

    async def join(self, room_id: str, user_id: str, now: float) -> JoinOutcome: ...

    async def leave(self, room_id: str, user_id: str) -> bool:
        """Ends a membership, and its read mark; False if there was none."""

    async def is_banned(self, room_id: str, user_id: str) -> bool:
        """False if there is no such room."""

    async def ban(self, room_id: str, user_id: str) -> BanOutcome:
        """Bans a user, who need not be a member, and ends the membership if there is one."""

    async def unban(self, room_id: str, user_id: str) -> bool:
        """False if the user was not banned."""

    async def bans(self, room_id: str) -> list[str]:
        """The ids of those who are banned from a room, in their order; empty if there is no such room."""

    async def banned_from(self, user_id: str) -> list[str]:
        """The ids of the rooms that this user is banned from, in their order."""


class MessageStore(Protocol):
    """The logs of the rooms, and each member's read mark in them.

    A log is a run of ids without a gap. It grows at its end (`append`), and may be cut from its front (`expire`); one
    that was emptied goes on with the id that would have been next.

    `shared`: whether other daemons may append to the same logs, so that a log may be longer than one has heard.
    """

    shared: bool

    async def append(self, posts: Sequence[Post], read_marks: Mapping[tuple[str, str], int]) -> list[Appended]:
        """The group commit: makes all posts durable, each at the end of its room's log, in this order.

        One scribe calls it, one call at a time (another daemon's scribe may do the same on the same store). A stored post
        also becomes its author's read mark, as does a repeated one.

        Arguments:
            posts: posts of any rooms and authors.
            read_marks: (room_id, user_id) → message_id; clamped to the log's end, moves forward only, ignored for somebody
                who is not a member.

        Returns:
            one answer per post, in the same order. Ids in a room are 1, 2, 3, … with no gap. The nonce of a message that was
            removed is forgotten.
        """

    async def probe(self) -> None:
        """Returns if the store can be written to: writes a little, as durably as `append`, that nothing is changed by."""

    async def last_id(self, room_id: str) -> int | None:
        """The id of the last message, removed or not; 0 if there never was one, None if there is no such room."""

    async def first_ids(self, room_ids: Sequence[str]) -> list[int | None]:
        """Where logs begin: the id of the first message that was not removed, even if it is yet to come.

        Returns:
            one id for each room, in the same order; None where there is no such room.
        """

    async def range(self, room_id: str, first_id: int, last_id: int) -> list[Message]:
        """The messages `first_id` to `last_id`, both included, in order, those that exist.

        Any integers are allowed. Only durable messages are given.
        """

    async def written_by(self, user_id: str, room_id: str, first_id: int, last_id: int) -> list[Message]:
        """As `range`, one author's only. It reads all that lie between: a few thousand ids at a time are enough."""

    async def read_marks(self, members: Sequence[tuple[str, str]]) -> list[int | None]:
        """The read marks of members, 0 at first; None for who is not one, or where there is no such room.

        Arguments:
            members: (room_id, user_id), which may repeat.

        Returns:
            one mark for each, in the same order.
        """

    async def sweep(self, at_most: int) -> int:
        """Removes up to `at_most` messages of deleted rooms; returns how many."""

    async def expired(self, room_id: str, horizon: Cutoff, first_id: int, at_most: int) -> LogRange:
        """What `expire` would remove, looked at from `first_id` on, up to `at_most` messages."""

    async def expire(self, room_id: str, horizon: Cutoff, at_most: int) -> LogRange:
        """Removes up to `at_most` messages from the front of a log; returns what went.

        It is there to be called until it removes less than `at_most`. A store that several daemons may write to may keep a
        message for some minutes longer.
        """


class Store(Protocol):
    """A store, open from the moment it was made by its module's `open_store` until `aclose`."""

    users: UserStore
    sessions: SessionStore
    rooms: RoomStore
    messages: MessageStore
    faults: FailureCounter
    """The calls of all four that have failed so far."""
    arrivals: BulkImport

    async def ping(self) -> None:
        """Returns if the store answers and can be read."""

    async def totals(self) -> Totals:
        """How much the store holds."""

    async def reclaim(self) -> int:
        """Gives space that removed messages have left back to the file system, in a step that delays no post by much.

        Returns:
            how many bytes; 0 if there is nothing more, or if the store keeps its space.
        """

    async def compact(self) -> int:
        """Gives back what `reclaim` cannot; returns how many bytes. May take minutes, of which posts feel little."""

    async def aclose(self) -> None:
        """Waits for calls under way, then lets go of files and connections."""
