"""The methods for rooms, their members and their invitations."""

from collections.abc import Sequence
from typing import Protocol

from reichatd.store.records import (
    BanOutcome,
    Confirmation,
    DirectHead,
    Invite,
    InviteOutcome,
    JoinedHead,
    JoinOutcome,
    Keep,
    KickOutcome,
    Membership,
    Progress,
    Registration,
    Room,
    RoomHead,
    RoomMember,
    RoomOverview,
    RoomSummary,
    TransferOutcome,
    User,
)


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

    async def joined_heads(self, user_id: str, room_ids: Sequence[str] | None = None) -> list[JoinedHead]:
        """As `joined`, without the members but for their number, and with what this user is in each room.

        Arguments:
            room_ids: only those of these rooms; None for all.
        """

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

    async def silenced(self, room_id: str, user_ids: Sequence[str], at: float) -> set[str]:
        """Those of these users who may post nothing in the room, by the rule that decides about posts (`Author.is_silenced`).

        They are muted, blocked by the other user of a direct conversation, or not members.

        Arguments:
            at: the time, in seconds since the epoch.
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
