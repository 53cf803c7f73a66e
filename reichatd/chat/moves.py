"""Who joins and leaves rooms while memberships are read from the store. Pure."""

from collections.abc import Iterator
from contextlib import contextmanager


class Moves:
    """Owned by the hub, which notes the moves that this daemon makes, or has heard of."""

    def __init__(self) -> None:
        self._watches: list[set[tuple[str, str]]] = []

    def note(self, room_id: str, user_id: str) -> None:
        """The user has joined or left the room."""
        for watch in self._watches:
            watch.add((room_id, user_id))

    @contextmanager
    def watched(self) -> Iterator[set[tuple[str, str]]]:
        """Collects who moves during the block, each as (room_id, user_id): a membership read in it may be from before the move."""
        watch: set[tuple[str, str]] = set()
        self._watches.append(watch)
        try:
            yield watch
        finally:
            # By identity: other watches may be equal.
            self._watches = [each for each in self._watches if each is not watch]
