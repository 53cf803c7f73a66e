"""The rules for the fields of a room."""

import secrets
import string
from collections.abc import Mapping

from reichatd.errors import FieldProblem, InvalidFields
from reichatd.settings import LimitSettings
from reichatd.text import is_line, normal

RANDOM_ID_CHARACTERS = 12
SLOW_SECONDS_MAX = 21_600
"""Six hours, in the contract with clients."""
MUTE_SECONDS_MAX = 315_360_000
"""Ten years: so that the time can be computed, and stands for ever."""


def random_id(limits: LimitSettings) -> str:
    """An id for a new room, of a length that the limits allow."""
    length = min(max(RANDOM_ID_CHARACTERS, limits.room_id_min), limits.room_id_max)
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(length))


def check(
    limits: LimitSettings,
    name: str,
    description: str,
    password: str | None,
    room_id: str | None = None,
    slow_seconds: int = 0,
) -> str:
    """Returns the name as it is stored. Raises InvalidFields, with every field that breaks a rule."""
    name = normal(name.strip(), limits.room_name_max)
    rules = {
        "name": (
            1 <= len(name) <= limits.room_name_max and is_line(name),
            f"must have 1 to {limits.room_name_max} characters on one line, some of them visible",
        ),
        "description": (
            len(description) <= limits.room_description_max,
            f"must have at most {limits.room_description_max} characters",
        ),
        "password": (
            not password
            or limits.room_password_min <= len(normal(password, limits.password_max)) <= limits.password_max,
            f"must have {limits.room_password_min} to {limits.password_max} characters, or be empty",
        ),
        "room_id": (
            room_id is None
            or (limits.room_id_min <= len(room_id) <= limits.room_id_max and room_id.isascii() and room_id.isalnum()),
            f"must have {limits.room_id_min} to {limits.room_id_max} letters from a to z, or digits",
        ),
        "slow_seconds": (
            0 <= slow_seconds <= SLOW_SECONDS_MAX,
            f"must be 0 to {SLOW_SECONDS_MAX}",
        ),
    }
    _require(rules)
    return name


def check_mute(seconds: int) -> None:
    """Raises InvalidFields if a mute cannot last so long."""
    _require({"seconds": (1 <= seconds <= MUTE_SECONDS_MAX, f"must be 1 to {MUTE_SECONDS_MAX}, or null")})


def _require(rules: Mapping[str, tuple[bool, str]]) -> None:
    """Raises InvalidFields, with each field that breaks its rule."""
    problems = [FieldProblem(field, problem) for field, (kept, problem) in rules.items() if not kept]
    if problems:
        raise InvalidFields(problems)
