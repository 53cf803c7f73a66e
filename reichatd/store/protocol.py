"""The methods of every store.

Any task may call them. Each one runs in a worker thread, and its caller waits for the result. Each one is atomic: it has happened
entirely or not at all, and a cancelled caller (an HTTP handler is, when its connection breaks) leaves nothing half done. When the
store fails, every method raises `StoreError`, and nothing else.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from reichatd.store.bulk import BulkImport
from reichatd.store.errors import FailureCounter
from reichatd.store.records import (
    Appended,
    AppPassword,
    Attempt,
    AuditEntry,
    AuditFilter,
    BanOutcome,
    Block,
    BlockOutcome,
    Confirmation,
    DirectHead,
    EmailChange,
    EmailOutcome,
    Erasure,
    Invite,
    InviteOutcome,
    JoinOutcome,
    Keep,
    KickOutcome,
    Membership,
    Message,
    OidcAccount,
    Post,
    Progress,
    RegisterOutcome,
    Registration,
    Room,
    RoomHead,
    RoomMember,
    RoomOverview,
    RoomSummary,
    RotateOutcome,
    Session,
    Totals,
    Totp,
    TransferOutcome,
    User,
)
from reichatd.store.retention import Cutoff, LogRange

if TYPE_CHECKING:
    from reichatd.rate_limits import Counts


class UserStore(Protocol):
    """Registrations and the users they become."""

    async def register(self, registration: Registration, at_most: int) -> RegisterOutcome:
        """Stores a registration in addition to the others of its address, and removes the oldest ones beyond `at_most`."""

    async def pending(self, email: str) -> list[Registration]:
        """The registrations of an address, oldest first."""

    async def take_try(self, email: str, now: float, ends_at: float) -> Attempt | None:
        """Uses up one try of an address, and returns what to compare the code with; None if there is nothing.

        The try is counted before anything is compared, so that concurrent tries cannot exceed the limit. Tries are counted for the
        address, in a window of time: a further registration does not reset the count.

        Arguments:
            ends_at: the end of the window, if a new one begins now because the last one is over.
        """

    async def confirm(self, registration: Registration, user: User) -> User | None:
        """Turns this registration (same address, same `code_hash`) into `user`, and removes the others of the address.

        Returns:
            the user that it became: not `user`, but an earlier one, if the call is a repetition. None if there is no such
            registration, or if another one of the address has become a user.
        """

    async def by_id(self, user_id: str) -> User | None: ...

    async def by_ids(self, user_ids: Sequence[str]) -> list[User | None]:
        """One answer for each id, in the same order."""

    async def by_email(self, email: str) -> User | None: ...

    async def page(self, after: str, at_most: int) -> list[User]:
        """The users whose addresses come after this one, ordered by address without regard to ASCII case."""

    async def registrations(self, after: str, at_most: int) -> list[Registration]:
        """As `page`, for addresses that are not verified yet: all registrations of `at_most` addresses."""

    async def rename(self, user_id: str, username: str) -> bool:
        """False if there is no such user."""

    async def change_password(
        self, user_id: str, old_hash: str, new_hash: str, keep_session_id: str
    ) -> list[str] | None:
        """Changes the password hash from `old_hash`, ends the user's other login sessions and returns their ids.

        Tokens for programs stay valid. None, with nothing changed, if the hash is no longer `old_hash` or the user was deleted.
        """

    async def set_password(self, user_id: str, new_hash: str) -> list[str] | None:
        """Changes the password hash, ends all sessions, tokens for programs too, and removes app passwords and provider links.

        Returns:
            the ids of the sessions; None if there is no such user.
        """

    async def reset_password(self, user: User, new_hash: str) -> list[str] | None:
        """As `set_password`; None, with nothing changed, if the user's password hash or address is another by now."""

    async def change_email(self, user: User, email: str) -> EmailOutcome:
        """Changes the address, unless the user's password hash has changed. Also CHANGED if it is the user's address already."""

    async def disable(self, user_id: str) -> list[str] | None:
        """Ends all sessions and returns their ids; None if there is no such user. New sessions are not valid until `enable`."""

    async def enable(self, user_id: str) -> bool:
        """False if there is no such user."""

    async def delete(self, user_id: str) -> bool:
        """Removes a user with all sessions, second factor, app passwords, memberships, bans, blocks and registrations of the
        address.

        The user's messages stay, and so do owned rooms: transfer or delete those first. A direct conversation that no other user is
        in is deleted, since no one could come back to it. False if there was no such user. A call that ended in a StoreError may
        have removed a part; the next call removes the rest.
        """

    async def delete_and_erase(self, user_id: str) -> bool:
        """As `delete`, and notes that the user's messages are to be erased (`ErasureStore`)."""

    async def delete_unless_owner(self, user_id: str, *, erase: bool) -> bool:
        """As `delete`, or as `delete_and_erase`, of a user who owns no rooms. False, with nothing changed, for one who owns rooms.

        SQLite decides it in one step. MongoDB looks again after it has disabled the user; only a transfer by another user at the
        very moment of the deletion can leave a room without an owner. After a StoreError the user may be disabled.
        """

    async def delete_expired(self, now: float) -> int:
        """Removes registrations with `expires_at` at or before `now`; returns how many."""


class SessionStore(Protocol):
    """Login sessions."""

    async def create(self, session: Session) -> None:
        """Stores a session, unless there is one with this id."""

    async def create_token(self, session: Session, at_most: int) -> bool:
        """As `create`, for a token for programs; False, with nothing stored, if the user has `at_most` of them already."""

    async def get(self, session_id: str) -> tuple[Session, User] | None:
        """A session and its user, in one read; None if it has ended, or the user is deleted or disabled."""

    async def by_refresh_hash(self, refresh_hash: str) -> Session | None:
        """The session with this hash; None if `get` would return None."""

    async def living(self, session_ids: Sequence[str]) -> set[str]:
        """The ids among these that `get` would find."""

    async def of_user(self, user_id: str) -> list[Session]:
        """The user's sessions that `get` would find, oldest first."""

    async def is_known_network(self, email: str, network: str) -> bool:
        """Whether the user with this address has a session that `get` would find and that began in this network."""

    async def end(self, session_id: str) -> bool:
        """False if it had ended before."""

    async def end_some(self, user_id: str, session_ids: Sequence[str]) -> list[str]:
        """Ends those of these sessions that are the user's; returns the ids of those that had not ended before."""

    async def end_all(self, user_id: str) -> list[str] | None:
        """Ends all sessions of a user and returns their ids; None if there is no such user."""

    async def rotate(self, session_id: str, generation: int, now: float, grace: float) -> RotateOutcome:
        """Takes a refresh token of this generation, and makes the next generation the current one.

        A generation that the store does not know yet counts as the current one: an older backup was restored.

        Arguments:
            grace: for how many seconds the last but one generation may be presented again.
        """

    async def used(self, last_uses: Mapping[str, float]) -> None:
        """Notes when sessions were last in use, by session id; those that have ended are ignored."""

    async def delete_expired(self, now: float) -> int:
        """Removes sessions with `expires_at` at or before `now`; returns how many."""


class SecondFactorStore(Protocol):
    """The second factors of users: at most one for each."""

    async def get(self, user_id: str) -> Totp | None: ...

    async def begin(self, totp: Totp) -> bool:
        """Stores a factor that is not confirmed yet, in place of an earlier one. False if the user has a confirmed one."""

    async def confirm(self, totp: Totp) -> bool:
        """Stores the confirmed form of a factor. False if the user's factor has another secret by now, or is confirmed."""

    async def use_step(self, user_id: str, step: int) -> bool:
        """Uses up a time step and all before it. False if it was used up, or if the user has no confirmed factor."""

    async def use_recovery(self, user_id: str, code_hash: str) -> bool:
        """Uses up a recovery code. False if there is no such code, or no longer."""

    async def delete(self, user_id: str) -> bool:
        """False if there was none."""


class AppPasswordStore(Protocol):
    """The app passwords of users."""

    async def create(self, app_password: AppPassword, at_most: int) -> bool:
        """False, with nothing stored, if the user has `at_most` of them already."""

    async def of_user(self, user_id: str) -> list[AppPassword]:
        """Oldest first."""

    async def by_hash(self, user_id: str, password_hash: str) -> AppPassword | None: ...

    async def used(self, app_password_id: str, now: float) -> bool:
        """Notes a login with it. False if there is no such app password, or no longer."""

    async def delete(self, user_id: str, app_password_id: str) -> list[str] | None:
        """Removes it, ends the sessions that were begun with it and returns their ids; None if there is no such app password."""


class OidcStore(Protocol):
    """Which accounts at an OpenID provider belong to which users."""

    async def link(self, account: OidcAccount) -> str | None:
        """Says that an account belongs to `account.user_id`, unless it belongs to another user.

        Returns:
            the id of the user it belongs to now; None if there is no such user.
        """

    async def unlink(self, user_id: str, issuer: str) -> bool:
        """Removes this user's accounts at a provider; False if there were none."""

    async def user_of(self, issuer: str, subject: str) -> User | None:
        """The id of the user with this account at the provider; disabled users count."""

    async def of_user(self, user_id: str) -> list[OidcAccount]:
        """This user's accounts, by issuer and subject."""


class RoomStore(Protocol):
    """Rooms, their members and their bans."""

    async def create(self, room: Room) -> bool:
        """Stores a new room with its members, `first_id` included; False if its id is taken.

        An id is also taken if another one differs from it in case only. Ids are ASCII.
        """

    async def get(self, room_id: str) -> Room | None:
        """A room with all its members; see `head`."""

    async def head(self, room_id: str, user_id: str = "") -> RoomHead | None:
        """A room without its members, and whether this user is a member."""

    async def is_free(self, room_id: str) -> bool:
        """Whether no room has this id, in upper or lower case, so that `create` would succeed."""

    async def public(self, after: str | None, at_most: int) -> list[RoomSummary] | None:
        """Rooms without a password, oldest first.

        Arguments:
            after: only those that come after the room with this id, which may have a password by now.

        Returns:
            None if there is no room with the id `after`.
        """

    async def joined(self, user_id: str) -> list[Room]:
        """The rooms that this user is a member of, in the order they were joined."""

    async def joined_summaries(self, user_id: str) -> list[RoomSummary]:
        """As `joined`, without the members."""

    async def progress(self, user_id: str) -> list[Progress]:
        """This user's reading progress in each room, in the order they were joined. The cost grows only with their number."""

    async def page(self, after: str, at_most: int) -> list[RoomOverview]:
        """The rooms whose ids come after this one, ordered by id."""

    async def owned(self, user_id: str) -> list[str]:
        """The ids of the rooms that this user owns, in their order."""

    async def count_owned(self, user_id: str, at_most: int) -> int:
        """How many rooms this user owns; `at_most` if they are more, which bounds the cost."""

    async def memberships(self, user_id: str) -> list[Membership]:
        """This user's memberships, in the order the rooms were joined."""

    async def update(
        self,
        room_id: str,
        name: str,
        description: str,
        slow_seconds: int | None = None,
        members_pin: bool | None = None,
    ) -> bool:
        """Changes name and description, and what else is not None; not the password. False if there is no such room."""

    async def update_with_password(
        self,
        room_id: str,
        name: str,
        description: str,
        password_hash: str | None,
        slow_seconds: int | None = None,
        members_pin: bool | None = None,
    ) -> bool:
        """As `update`, and sets a new password, or none."""

    async def transfer(self, room_id: str, user_id: str, owner: str | None = None) -> TransferOutcome:
        """Makes a member the owner.

        Arguments:
            owner: transfers only if this user is the owner; None for any owner.
        """

    async def keep(self, room_id: str, keep: Keep | None) -> bool:
        """Sets how long the room's messages are kept; None: as in all rooms. False if there is no such room."""

    async def kept(self, after: str, at_most: int, *, all_rooms: bool) -> list[tuple[str, Keep | None]]:
        """Up to `at_most` rooms whose ids come after `after`, ordered by id, each with its own `keep`.

        Arguments:
            all_rooms: False for only those rooms that have their own.
        """

    async def delete(self, room_id: str) -> bool:
        """Removes the room, its members, bans and log; a later room with the same id begins an empty log at 1.

        From then on no one can read the messages, but they may be removed later, in steps (`MessageStore.sweep`). False if there
        is no such room.
        """

    async def join(self, room_id: str, user_id: str, now: float) -> JoinOutcome: ...

    async def leave(self, room_id: str, user_id: str) -> bool:
        """Ends a membership, and removes its read mark; False if there was none."""

    async def kick(self, room_id: str, user_id: str) -> KickOutcome:
        """As `leave`, but not for the owner."""

    async def is_banned(self, room_id: str, user_id: str) -> bool:
        """False if there is no such room."""

    async def ban(self, room_id: str, user_id: str) -> BanOutcome:
        """Bans a user, who need not be a member, and ends the membership if there is one. An owner is not banned.

        Of a ban and a transfer to the same user at the same moment, the transfer counts.
        """

    async def unban(self, room_id: str, user_id: str) -> bool:
        """False if the user was not banned."""

    async def bans(self, room_id: str, after: str = "", at_most: int | None = None) -> list[str]:
        """The ids of the users who are banned from a room, in their order; empty if there is no such room.

        Arguments:
            after: only ids that come after this one.
            at_most: None for all.
        """

    async def banned_from(self, user_id: str) -> list[str]:
        """The ids of the rooms that this user is banned from, in their order."""


class MemberStore(Protocol):
    """What members are in their rooms: their roles and mutes. Who is a member is a matter of the `RoomStore`."""

    async def page(self, room_id: str, after: str, at_most: int) -> list[RoomMember]:
        """The members whose ids come after this one, ordered by id; empty if there is no such room."""

    async def of_user(self, user_id: str) -> dict[str, RoomMember]:
        """What this user is in each joined room, by room id."""

    async def set_moderator(self, room_id: str, user_id: str, moderator: bool) -> bool:
        """Makes a member a moderator, or no longer; leaving the room ends that too. False if the user is not a member."""

    async def mute(self, room_id: str, user_id: str, until: float) -> bool:
        """Takes no posts of this user in the room before `until`, in seconds since the epoch; 0 ends a mute.

        The user need not be a member, and leaving the room does not end it. False if there is no such room.
        """


class MessageStore(Protocol):
    """The logs of the rooms, and each member's read mark in them.

    A log is a sequence of ids without a gap. It grows at its end (`append`), and may be cut from its front (`expire`). An emptied
    log continues with the id that would have been next.

    `shared`: whether other daemons may append to the same logs, so that a log may be longer than this process knows.
    """

    shared: bool

    async def append(self, posts: Sequence[Post], read_marks: Mapping[tuple[str, str], int]) -> list[Appended]:
        """The group commit: makes all posts durable, each at the end of its room's log, in this order.

        One scribe calls it, one call at a time (another daemon's scribe may do the same on the same store). A stored or repeated
        post also moves its author's read mark.

        Arguments:
            posts: posts of any rooms and authors.
            read_marks: (room_id, user_id) → message_id. Limited to the log's end; moves forward only; ignored for a user who is
                not a member.

        Returns:
            one answer per post, in the same order. Ids in a room are 1, 2, 3, … with no gap. The nonce of a removed message is
            forgotten. What else decides about a post is read in the commit (`reichatd.store.posting`), so that it holds for the
            posts of all daemons.
        """

    async def probe(self) -> None:
        """Returns if the store can be written to: makes a small write without effect, as durable as `append`."""

    async def last_id(self, room_id: str) -> int | None:
        """The id of the last message, removed or not; 0 if there never was one, None if there is no such room."""

    async def first_ids(self, room_ids: Sequence[str]) -> list[int | None]:
        """Where logs begin: the id of the first message that was not removed, even if it is not posted yet.

        Returns:
            one id for each room, in the same order; None where there is no such room.
        """

    async def range(self, room_id: str, first_id: int, last_id: int, max_chars: int | None = None) -> list[Message]:
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


class DirectStore(Protocol):
    """Direct conversations. Each is also a room of `RoomStore`, whose `direct` is the pair of its users (`direct_pair`)."""

    async def find(self, pair: str) -> DirectHead | None:
        """The conversation of a pair; None if they have none."""

    async def open(self, room: Room, now: float) -> DirectHead | None:
        """Makes the conversation of a pair, or finds it, and makes both its members.

        Of two calls for one pair at the same moment, one makes it and the other finds it.

        Arguments:
            room: the conversation if it is new: `users` are both of its pair.

        Returns:
            the conversation as it was found, without those who had left it, or `room`'s if it is new; None if another room has its
            id.
        """

    async def share_room(self, user_id: str, other_id: str) -> bool:
        """Whether both are members of one room. A direct conversation is none."""


class BlockStore(Protocol):
    """The blocks between users."""

    async def add(self, block: Block, at_most: int) -> BlockOutcome:
        """Stores a block, unless the user has blocked `at_most` others; 0 is no limit."""

    async def remove(self, user_id: str, blocked_id: str) -> bool:
        """False if there was no such block."""

    async def of_user(self, user_id: str) -> list[str]:
        """The ids of the users that this one has blocked, in their order."""

    async def exists(self, user_id: str, blocked_id: str) -> bool:
        """Whether `user_id` has blocked `blocked_id`."""


class InviteStore(Protocol):
    """Invitations to rooms, and to the server. Those to a deleted room are gone.

    A room id of "" stands for the server.
    """

    async def create(self, invite: Invite, at_most: int) -> InviteOutcome:
        """Stores an invitation, unless its room has `at_most` valid ones; 0 for no limit.

        With several daemons, calls at the same moment may exceed the limit by a few.
        """

    async def by_hash(self, token_hash: str) -> Invite | None:
        """The invitation with this hash, whether it is still valid or not; None if there is none."""

    async def by_id(self, invite_id: str) -> Invite | None:
        """As `by_hash`."""

    async def of_room(self, room_id: str) -> list[Invite]:
        """All invitations to a room, or to the server, oldest first."""

    async def delete(self, room_id: str, invite_id: str) -> bool:
        """False if this room, or the server, has no such invitation."""

    async def join(self, invite_id: str, user_id: str, now: float) -> JoinOutcome:
        """Makes a user a member of the invitation's room, and uses the invitation up once.

        It is used only if the user becomes a member. NO_ROOM: the invitation is not valid, or not to a room.
        """

    async def confirm(self, registration: Registration, user: User, now: float, *, needed: bool) -> Confirmation:
        """As `UserStore.confirm`; also uses the registration's invitation up once, and lets the user join its room.

        Arguments:
            needed: whether nothing happens without a valid invitation. Otherwise the registration is confirmed without it.
        """

    async def delete_expired(self, now: float) -> int:
        """Removes invitations with `expires_at` at or before `now`; returns how many."""


class EmailChangeStore(Protocol):
    """Changes of e-mail addresses that wait for their codes, at most one for each user."""

    async def put(self, change: EmailChange) -> None:
        """Stores a change, in place of the user's earlier one."""

    async def take_try(self, user_id: str) -> EmailChange | None:
        """Uses up one try of a user's change; returns it with the tries that it had before. None if there is no change.

        The try is counted before anything is compared, so that concurrent tries cannot exceed the limit.
        """

    async def delete_expired(self, now: float) -> int:
        """Removes changes with `expires_at` at or before `now`; returns how many."""


class ErasureStore(Protocol):
    """Erases the messages of deleted users in steps, so that posts never wait for long.

    A message keeps its id, author, time and nonce; its content becomes `ERASED`. `UserStore.delete_and_erase` begins an erasure.
    """

    async def all(self) -> list[Erasure]:
        """The erasures that are not done, and those that were done not long ago."""

    async def step(self, user_id: str, at_most: int, now: float) -> int:
        """Looks at up to `at_most` further messages of all rooms, and erases those of the user.

        Returns:
            how many it looked at; with fewer than `at_most` the erasure is done.
        """

    async def forget_done(self, before: float) -> None:
        """Removes the erasures that were done before `before`."""


class AuditStore(Protocol):
    """The audit log."""

    async def add(self, entry: AuditEntry) -> int:
        """Stores an entry under a new number, and returns it. The entry's own `number` is ignored."""

    async def page(self, chosen: AuditFilter, at_most: int) -> list[AuditEntry]:
        """The first entries of the chosen ones, by their numbers."""

    async def expire(self, before: float, addresses_before: float, at_most: int) -> int:
        """Removes up to `at_most` entries from before `before`, and the addresses from as many from before `addresses_before`.

        Returns:
            how many it changed; fewer than `at_most` if nothing is left to do.
        """


class Store(Protocol):
    """An open store. `Backend.open` opens it, `aclose` closes it."""

    users: UserStore
    sessions: SessionStore
    second_factors: SecondFactorStore
    app_passwords: AppPasswordStore
    oidc: OidcStore
    rooms: RoomStore
    members: MemberStore
    messages: MessageStore
    directs: DirectStore
    blocks: BlockStore
    invites: InviteStore
    email_changes: EmailChangeStore
    erasures: ErasureStore
    audit: AuditStore
    failures: FailureCounter
    """Counts the failed calls of all parts."""
    bulk_import: BulkImport
    counts: "Counts"
    """The counts that protect accounts and rooms: all daemons on one store share them."""

    async def ping(self) -> None:
        """Returns if the store answers and can be read."""

    async def totals(self) -> Totals:
        """How much the store holds."""

    async def reclaim(self) -> int:
        """Returns the space of removed messages to the file system, in a step that delays posts only a little.

        Returns:
            how many bytes; 0 if there is no more, or if the store keeps its space.
        """

    async def compact(self) -> int:
        """Frees the space that `reclaim` cannot; returns how many bytes. May take minutes, and delays posts only a little."""

    async def aclose(self) -> None:
        """Waits for running calls, then closes files and connections."""
