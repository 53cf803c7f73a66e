"""Finds rooms by id or name. Pure."""

from collections.abc import Callable, Sequence

from reichatd.terminal.client import RoomChoice


def find_rooms(rooms: Sequence[RoomChoice], text: str, *, prefix: bool = False) -> list[RoomChoice]:
    """The rooms that match `text`: one if it is clear, several if it is ambiguous, none if no room matches.

    An id takes precedence over a name, and an exact match over one that differs in case.

    Arguments:
        prefix: whether the beginning of an id or a name is enough, if no whole one matches.
    """
    folded = text.casefold()
    rules: list[Callable[[RoomChoice], bool]] = [
        lambda room: room.room_id == text,
        lambda room: room.name == text,
        lambda room: folded in (room.room_id.casefold(), room.name.casefold()),
    ]
    if prefix and folded:
        rules.append(lambda room: room.room_id.casefold().startswith(folded) or room.name.casefold().startswith(folded))
    return next((found for rule in rules if (found := list(filter(rule, rooms)))), [])
