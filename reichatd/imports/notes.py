"""What was changed or left out on the way, for the operator."""

import msgspec


class Note(msgspec.Struct, frozen=True):
    """Something that is not as it was.

    Arguments:
        kind: "user", "room", "message" or "registration".
        id: the id of the user or of the room, as it was.
        text: what was found, and what became of it.
        count: how many of the kind it is about: messages are not told one by one.
    """

    kind: str
    id: str
    text: str
    count: int = 1

    def __str__(self) -> str:
        many = f"{self.count:,} messages: " if self.kind == "message" else ""
        return f"{'room' if self.kind == 'message' else self.kind} {self.id}: {many}{self.text}"
