"""The requests of administrators. Users are named by e-mail address or user id, rooms by room id."""

from typing import Annotated

from msgspec import Meta, Struct

_Password = Annotated[str, Meta(extra={"secret": True})]


class _Request(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag=True):
    """`do` is the name of the class."""


class AddUser(_Request, frozen=True):
    email: str
    username: str
    password: _Password


class ListUsers(_Request, frozen=True):
    """With `pending`, the registrations that are not verified yet, in place of the users."""

    pending: bool = False


class ShowUser(_Request, frozen=True):
    """Answered by the details of one user; or, if `user` is the name of several users, by a record of each."""

    user: str


class VerifyUser(_Request, frozen=True):
    """`registration_id` chooses one of several registrations of the address; not needed if there is only one."""

    email: str
    registration_id: str | None = None


class SetPassword(_Request, frozen=True):
    user: str
    password: _Password


class DisableUser(_Request, frozen=True):
    user: str


class EnableUser(_Request, frozen=True):
    user: str


class LogUserOut(_Request, frozen=True):
    user: str


class RemoveTotp(_Request, frozen=True):
    """Turns off the user's second factor."""

    user: str


class DeleteUser(_Request, frozen=True):
    """The user's rooms are transferred to `heir`, or deleted. Without either, a user who owns rooms is not deleted."""

    user: str
    heir: str | None = None
    delete_rooms: bool = False


class ExportUser(_Request, frozen=True):
    user: str


class ListRooms(_Request, frozen=True):
    pass


class ShowRoom(_Request, frozen=True):
    room_id: str


class CreateRoom(_Request, frozen=True):
    owner: str
    name: str
    description: str = ""
    password: _Password | None = None
    room_id: str | None = None


class DeleteRoom(_Request, frozen=True):
    room_id: str


class KickMember(_Request, frozen=True):
    room_id: str
    user: str


class BanUser(_Request, frozen=True):
    room_id: str
    user: str


class UnbanUser(_Request, frozen=True):
    room_id: str
    user: str


class TransferRoom(_Request, frozen=True):
    room_id: str
    user: str


class ExportRoom(_Request, frozen=True):
    room_id: str


class ShowMessages(_Request, frozen=True):
    """Messages by their ids: ranges of them, the first and the last id of each."""

    room_id: str
    ranges: tuple[tuple[int, int], ...]


class DeleteMessages(_Request, frozen=True):
    """As a moderator deletes them. `ranges` as in `ShowMessages`. Those that do not exist, or are deleted already, are skipped."""

    room_id: str
    ranges: tuple[tuple[int, int], ...]


class CreateInvite(_Request, frozen=True):
    """To a room, or to the server if `room_id` is "". `uses` is None for any number of people, `days` for the default."""

    room_id: str = ""
    uses: int | None = 1
    days: int | None = None


class ListInvites(_Request, frozen=True):
    room_id: str = ""


class DeleteInvite(_Request, frozen=True):
    invite_id: str


class ReadAudit(_Request, frozen=True):
    """Oldest first.

    Arguments:
        user: only what this user did, or what was done to this user; "administrator" stands for all administrators.
        room_id: only what was done in this room.
        since: none that are older, in seconds since the epoch.
        follow: whether to wait for further entries, until the connection ends.
    """

    user: str = ""
    room_id: str = ""
    since: float = 0.0
    follow: bool = False


class GetStats(_Request, frozen=True):
    pass


class ReadSettings(_Request, frozen=True):
    """Only for a running daemon: it reads its settings again, as on SIGHUP."""


UserRequest = (
    AddUser
    | ListUsers
    | ShowUser
    | VerifyUser
    | SetPassword
    | DisableUser
    | EnableUser
    | LogUserOut
    | RemoveTotp
    | DeleteUser
    | ExportUser
)
RoomRequest = (
    ListRooms | ShowRoom | CreateRoom | DeleteRoom | KickMember | BanUser | UnbanUser | TransferRoom | ExportRoom
)
MessageRequest = ShowMessages | DeleteMessages
InviteRequest = CreateInvite | ListInvites | DeleteInvite
Request = UserRequest | RoomRequest | MessageRequest | InviteRequest | ReadAudit | GetStats | ReadSettings
