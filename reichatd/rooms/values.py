"""Values of rooms, as clients see them, and their descriptions in the contract. Nothing is checked here."""

from typing import Annotated, Literal

from msgspec import Meta

from reichatd.rooms.fields import SLOW_SECONDS_MAX


def meta(description: str, example: str, **schema: str | int) -> Meta:
    return Meta(description=description, examples=[example], extra_json_schema=schema or None)


UserId = Annotated[str, meta("A user's id; never changes.", "65f0c1d2e3a4b5968778695a")]

RoomId = Annotated[str, meta("A room's id; never changes.", "lounge")]

RoomName = Annotated[str, meta("A room's name; one line.", "Lounge")]

RoomDescription = Annotated[str, meta("Any text.", "Where it begins")]

FirstId = Annotated[
    int,
    Meta(description="The first message id of the room's log, if older messages have been removed.", examples=[1001]),
]

Time = Annotated[str, meta("ISO 8601, UTC.", "2026-01-31T12:00:00.000000+00:00", format="date-time")]

SlowSeconds = Annotated[
    int,
    Meta(
        description="Slow mode: seconds from one message of a member to the next; 0 for none.",
        examples=[30],
        extra_json_schema={"minimum": 0, "maximum": SLOW_SECONDS_MAX},
    ),
]

MembersPin = Annotated[bool, Meta(description="Whether members may pin messages; owner and moderators may always.")]

RoleName = Literal["owner", "moderator", "member"]
