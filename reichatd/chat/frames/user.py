"""The frames of a user's socket (`/ws/user`). Clients send none."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from reichatd.messaging.fields import ChangeId, MessageId, UserId
from reichatd.rooms.joined import JoinedRoom
from reichatd.rooms.values import RoomId

LeaveReason = Literal["left", "kicked", "banned", "deleted"]


class Hello(msgspec.Struct, tag_field="type", tag="hello"):
    """The first frame: who you are, and the rooms that you have joined, as `GET /joined` has them with `members=false`."""

    user_id: UserId
    rooms: list[JoinedRoom]


class RoomNews(msgspec.Struct, tag_field="type", tag="room_news"):
    """A room has new messages or changes: where its log and its changes end now. At most one a second for each room."""

    room_id: RoomId
    last_id: MessageId
    change_id: ChangeId


class Mentioned(msgspec.Struct, tag_field="type", tag="mention"):
    """A message mentions you; `user_id` is its author.

    Of several that come at about the same time only the last is sent, and `room_changed` follows, which has their number.
    """

    room_id: RoomId
    message_id: MessageId
    user_id: UserId


class ReadElsewhere(msgspec.Struct, tag_field="type", tag="read"):
    """Your read mark in a room has moved, by this device or another."""

    room_id: RoomId
    last_read_id: MessageId


class Joined(msgspec.Struct, tag_field="type", tag="joined"):
    """You are a member of this room now."""

    room: JoinedRoom


class Left(msgspec.Struct, tag_field="type", tag="left"):
    """You are not a member of this room any more, or it does not exist any more."""

    room_id: RoomId
    reason: Annotated[LeaveReason, Meta(examples=["left"])]


class RoomChanged(msgspec.Struct, tag_field="type", tag="room_changed"):
    """Something about a room has changed: its name, description or rules, or what you are in it. The whole state of now."""

    room: JoinedRoom


class UserChanged(msgspec.Struct, tag_field="type", tag="user_changed"):
    """A user with whom you share a room, or you yourself, has another name now."""

    user_id: UserId
    username: Annotated[str, Meta(examples=["ada"])]


UserFrame = Hello | RoomNews | Mentioned | ReadElsewhere | Joined | Left | RoomChanged | UserChanged
