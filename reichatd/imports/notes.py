"""Tells the operator what an import changed or left out."""

import msgspec


class Note(msgspec.Struct, frozen=True):
    """Something that was changed or left out.

    Arguments:
        kind: "user", "room", "message" or "registration".
        id: the old id of the user or of the room.
        text: what was found, and what was done with it.
        count: how many of the kind: messages are counted, not listed one by one.
    """

    kind: str
    id: str
    text: str
    count: int = 1

    def __str__(self) -> str:
        many = f"{self.count:,} messages: " if self.kind == "message" else ""
        return f"{'room' if self.kind == 'message' else self.kind} {self.id}: {many}{self.text}"
