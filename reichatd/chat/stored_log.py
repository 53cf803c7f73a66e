"""A room's log in the store: has what the tail in memory does not."""

from collections.abc import Sequence
from typing import Protocol

from reichatd.store import Message, MessageStore


class RoomInMemory(Protocol):
    """The live room, as its stored log sees it."""

    room_id: str
    key: str
    """See `LogHead`."""
    first_id: int
    """The id that the log begins with, as far as the room knows."""

    @property
    def last_id(self) -> int:
        """The id of the last published message."""

    def begins_at(self, first_id: int) -> None:
        """All messages before `first_id` have been removed from the store."""


class StoredLog:
    """Reads for one live room. All methods wait, and raise StoreError.

    Messages and reactions are those of its own log, also where the room was deleted and made again (see `MessageStore`).
    """

    def __init__(self, room: RoomInMemory, messages: MessageStore) -> None:
        self._room = room
        self._messages = messages

    async def read(self, first_id: int, last_id: int, max_chars: int) -> list[Message]:
        """The messages of these ids, both included, that the store has. Where some are gone, the room's `first_id` is up to date
        afterwards.

        Arguments:
            max_chars: see `MessageStore.range`.
        """
        room = self._room
        messages = await self._messages.range(room.room_id, first_id, last_id, max_chars, room.key)
        expected = max(first_id, room.first_id)
        if expected <= min(last_id, room.last_id) and (not messages or messages[0].message_id > expected):
            await self.update_first_id()
        return messages

    async def read_changes(
        self, after_change: int, first_id: int, last_id: int, at_most: int, max_chars: int
    ) -> list[Message]:
        """Changed messages: see `MessageStore.changed`."""
        return await self._messages.changed(
            self._room.room_id, after_change, first_id, last_id, at_most, max_chars, self._room.key
        )

    async def by_ids(self, message_ids: Sequence[int]) -> list[Message]:
        """Those of these messages that the store has, in the order of their ids."""
        return await self._messages.by_ids(self._room.room_id, message_ids, self._room.key)

    async def own_reactions(self, user_id: str, message_ids: Sequence[int]) -> dict[int, list[str]]:
        """A user's reactions to these messages; without messages that have none."""
        return await self._messages.own_reactions(user_id, self._room.room_id, message_ids, self._room.key)

    async def last_id(self) -> int:
        """The id that the log ends with, which may be ahead of the room's. 0 if there is no log."""
        return await self._messages.last_id(self._room.room_id, self._room.key) or 0

    async def update_first_id(self) -> None:
        """Tells the room where the log begins."""
        (first_id,) = await self._messages.first_ids([self._room.room_id])
        self._room.begins_at(first_id or 1)
