"""Which room is meant. Pure."""

from collections.abc import Callable, Sequence

from reichatd.terminal.server import Room


def meant(rooms: Sequence[Room], text: str, *, cut_off: bool = False) -> list[Room]:
    """The rooms that somebody may mean by `text`: one if that is clear, several if it is not, none if no room is called that.

    An id counts before a name, and what is written exactly so before what differs in case.

    Arguments:
        cut_off: whether the beginning of an id or a name will do, where nothing is called `text` as a whole.
    """
    folded = text.casefold()
    rules: list[Callable[[Room], bool]] = [
        lambda room: room.room_id == text,
        lambda room: room.name == text,
        lambda room: folded in (room.room_id.casefold(), room.name.casefold()),
    ]
    if cut_off and folded:
        rules.append(lambda room: room.room_id.casefold().startswith(folded) or room.name.casefold().startswith(folded))
    return next((found for rule in rules if (found := list(filter(rule, rooms)))), [])
