"""What all answers and all errors have in common."""

from typing import Annotated, Literal

from msgspec import UNSET, Struct, UnsetType

from reichatd.messaging.fields import LogToken
from reichatd.rooms.values import Time, meta


class Answer(Struct, frozen=True, kw_only=True):
    message: Literal["ok"] = "ok"


class Problem(Struct, frozen=True):
    """What is wrong with one field of a body."""

    field: str
    problem: str


class Refusal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Every error. `message` is for a person, `code` for a program.

    `until` comes with `muted`, and `log`, the name of the log that the room has now, with `other_log`.
    """

    message: Annotated[str, meta("A sentence for a person.", "Room not found")]
    code: Annotated[str, meta("The same for a program; stable.", "room_not_found")]
    errors: list[Problem] = []
    until: Time | UnsetType = UNSET
    log: LogToken | UnsetType = UNSET
