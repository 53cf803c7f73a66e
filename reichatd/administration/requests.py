"""What can be asked for. Users are named by e-mail address or user id, rooms by room id."""

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
    """With `pending`, those in their place who have yet to prove their address."""

    pending: bool = False


class ShowUser(_Request, frozen=True):
    """Answered by the details of one user; or, where `user` is a name that several have, by a record of each."""

    user: str


class VerifyUser(_Request, frozen=True):
    """`registration_id` says which of several registrations of the address; not needed where there is one."""

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


class DeleteUser(_Request, frozen=True):
    """The rooms that the user owns go to `heir`, or with him; if neither is asked for, it is refused where there are any."""

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


class GetStats(_Request, frozen=True):
    pass


class ReadSettings(_Request, frozen=True):
    """Of a running daemon only: it reads its settings again, as for SIGHUP."""


UserRequest = (
    AddUser
    | ListUsers
    | ShowUser
    | VerifyUser
    | SetPassword
    | DisableUser
    | EnableUser
    | LogUserOut
    | DeleteUser
    | ExportUser
)
RoomRequest = (
    ListRooms | ShowRoom | CreateRoom | DeleteRoom | KickMember | BanUser | UnbanUser | TransferRoom | ExportRoom
)
Request = UserRequest | RoomRequest | GetStats | ReadSettings
