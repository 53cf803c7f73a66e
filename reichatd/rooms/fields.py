"""The rules for the fields of a room. Pure."""

from reichatd.errors import FieldProblem, InvalidFields
from reichatd.settings import LimitSettings
from reichatd.text import is_line, normal


def check(limits: LimitSettings, name: str, description: str, password: str | None, room_id: str | None = None) -> str:
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
    }
    problems = [FieldProblem(field, problem) for field, (kept, problem) in rules.items() if not kept]
    if problems:
        raise InvalidFields(problems)
    return name
