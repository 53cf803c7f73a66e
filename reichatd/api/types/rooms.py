"""Rooms, their members, direct conversations, invitations, and the audit log of a room."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from reichatd.api.types.answers import Answer
from reichatd.api.types.values import (
    InviteId,
    InviteToken,
    InviteUses,
    NewRoomDescription,
    NewRoomId,
    NewRoomName,
    NewRoomPassword,
    RoomPassword,
    Username,
)
from reichatd.rooms.fields import MUTE_SECONDS_MAX
from reichatd.rooms.joined import JoinedRoom, RoomFields
from reichatd.rooms.values import (
    MembersPin,
    RoleName,
    RoomDescription,
    RoomId,
    RoomName,
    SlowSeconds,
    Time,
    UserId,
    meta,
)


class PublicPage(Struct, frozen=True):
    after: Annotated[str, meta("The id of the last room of the page before.", "lounge")] | UnsetType = UNSET
    limit: Annotated[int, Meta(description="The most rooms.", examples=[1000], ge=1, le=1000)] = 1000


class AuditPage(Struct, frozen=True):
    before: Annotated[int, Meta(description="Only entries with lower numbers.", examples=[1000], ge=1, le=2**62)] = (
        2**62
    )
    limit: Annotated[int, Meta(description="The most entries.", examples=[100], ge=1, le=1000)] = 100


class PeoplePage(Struct, frozen=True):
    after: Annotated[str, meta("The last user id of the page before.", "65f0c1d2e3a4b5968778695a")] = ""
    limit: Annotated[int, Meta(description="The most users.", examples=[100], ge=1, le=1000)] = 100


class BansPage(Struct, frozen=True):
    """Without `limit` there is one page with all."""

    after: Annotated[str, meta("The last user id of the page before.", "65f0c1d2e3a4b5968778695a")] = ""
    limit: Annotated[int, Meta(description="The most users.", examples=[100], ge=1, le=1000)] | UnsetType = UNSET


class JoinedQuery(Struct, frozen=True):
    members: Annotated[
        bool, Meta(description="False for the number of the members in place of their user ids.", examples=[False])
    ] = True


class CreatingRoom(Struct, frozen=True):
    name: NewRoomName
    description: NewRoomDescription
    password: NewRoomPassword | None = None
    room_id: NewRoomId | None = None


class ChangingRoom(Struct, frozen=True):
    """Without `password` the room keeps its password; null or an empty one makes it public."""

    name: NewRoomName
    description: NewRoomDescription
    password: NewRoomPassword | UnsetType | None = UNSET
    slow_seconds: SlowSeconds | UnsetType = UNSET
    members_pin: MembersPin | UnsetType = UNSET


class OpeningDirect(Struct, frozen=True):
    """`user_id` is the other user's."""

    user_id: UserId


class Joining(Struct, frozen=True):
    password: RoomPassword | None = None


class Inviting(Struct, frozen=True):
    """Without `uses` any number of people may use it; without `days` it is valid for as long as the settings say."""

    uses: InviteUses | None = None
    days: (
        Annotated[
            int,
            Meta(
                description="How many days it is valid.",
                examples=[7],
                ge=1,
                extra_json_schema={"maximum": "limits.invite_days_max"},
            ),
        ]
        | None
    ) = None


class Transferring(Struct, frozen=True):
    user_id: UserId


class Muting(Struct, frozen=True):
    """`seconds` is how long, from now on; null ends a mute."""

    seconds: Annotated[int, Meta(examples=[3600], extra_json_schema={"minimum": 1, "maximum": MUTE_SECONDS_MAX})] | None


class RoomInShort(Struct, frozen=True):
    room_id: RoomId
    name: RoomName
    description: RoomDescription


class RoomInFull(RoomFields, frozen=True, omit_defaults=True, kw_only=True):
    """A room. `owner` and `users`, the members, are user ids.

    `slow_seconds`, `members_pin` and `owner_is_member` are absent while they are 0, false and true. A direct conversation has no
    owner: to each of its two users, `name` and `owner` are those of the other.
    """

    users: tuple[UserId, ...]


class PublicRooms(Answer, frozen=True, kw_only=True):
    rooms: list[RoomInShort]


class JoinedRooms(Answer, frozen=True, kw_only=True):
    rooms: list[JoinedRoom]


class SomeRoom(Answer, frozen=True, kw_only=True):
    room: RoomInFull


class RoomCreated(Answer, frozen=True, kw_only=True):
    room_id: RoomId


class BannedUser(Struct, frozen=True):
    user_id: UserId
    username: Username


class Bans(Answer, frozen=True, kw_only=True):
    bans: list[BannedUser]


class DirectOpened(Answer, frozen=True, kw_only=True):
    """A direct conversation; with status 201 it is new."""

    room_id: RoomId


class InviteCreated(Answer, frozen=True, kw_only=True):
    """`invite` is shown only here."""

    invite_id: InviteId
    invite: InviteToken
    url: Annotated[str, Meta(description="The page of the web client that opens it.")]
    expires_at: Time


class RoomInvite(Struct, frozen=True, omit_defaults=True):
    """A valid invitation. `created_by` is empty for an administrator; without `uses_left` any number of people may use it."""

    invite_id: InviteId
    created_by: UserId
    created_at: Time
    expires_at: Time
    uses_left: InviteUses | None = None


class Invites(Answer, frozen=True, kw_only=True):
    invites: list[RoomInvite]


class ShownInvite(Answer, frozen=True, kw_only=True):
    """What an invitation opens. `room` is null for an invitation to the server."""

    room: RoomInShort | None
    expires_at: Time


class InviteUsed(Answer, frozen=True, kw_only=True):
    room_id: RoomId


class AuditLine(Struct, frozen=True, omit_defaults=True):
    """An entry of the audit log. `actor` is a user id, "administrator", or "" without a login. The names are the current ones."""

    number: Annotated[int, Meta(description="Grows with each entry.", examples=[1042], ge=1)]
    at: Time
    event: Annotated[str, meta("What was done.", "banned")]
    actor: Annotated[str, meta("Who did it.", "65f0c1d2e3a4b5968778695a")]
    actor_name: str = ""
    user_id: Annotated[str, meta("The user that it was done to, if not the actor.", "65f0c1d2e3a4b5968778695c")] = ""
    username: str = ""
    detail: Annotated[str, meta("More, in a few words.", "")] = ""


class RoomAudit(Answer, frozen=True, kw_only=True):
    """Newest first."""

    entries: list[AuditLine]


class Member(Struct, frozen=True, omit_defaults=True):
    """A member of a room. `muted_until` is there while they are muted."""

    user_id: UserId
    username: Username
    role: RoleName
    joined_at: Time
    muted_until: Time | UnsetType = UNSET


class Members(Answer, frozen=True, kw_only=True):
    members: list[Member]
