"""Rooms by what people call them. Pure."""

from collections.abc import Callable, Sequence

from reichatd.terminal.client import RoomChoice


def meant(rooms: Sequence[RoomChoice], text: str, *, cut_off: bool = False) -> list[RoomChoice]:
    """The rooms that `text` may mean: one if it is clear, several if it is ambiguous, none if no room is called that.

    An id comes before a name, and an exact match before one that differs in case.

    Arguments:
        cut_off: whether the beginning of an id or a name will do, where nothing is called `text` as a whole.
    """
    folded = text.casefold()
    rules: list[Callable[[RoomChoice], bool]] = [
        lambda room: room.room_id == text,
        lambda room: room.name == text,
        lambda room: folded in (room.room_id.casefold(), room.name.casefold()),
    ]
    if cut_off and folded:
        rules.append(lambda room: room.room_id.casefold().startswith(folded) or room.name.casefold().startswith(folded))
    return next((found for rule in rules if (found := list(filter(rule, rooms)))), [])
