"""A live room reads from its own log only: each read names its key."""

from unittest.mock import AsyncMock

from reichatd.chat.stored_log import StoredLog


class _Room:
    room_id, key, first_id, last_id = "hall", "k1", 1, 9

    def begins_at(self, first_id: int) -> None:
        self.first_id = first_id


async def test_each_read_names_the_key_of_the_log() -> None:
    messages = AsyncMock()
    messages.range.return_value, messages.last_id.return_value, messages.first_ids.return_value = [], 9, [1]
    stored = StoredLog(_Room(), messages)
    await stored.read(1, 9, 100)
    await stored.read_changes(0, 1, 9, 10, 100)
    await stored.by_ids([1, 2])
    await stored.own_reactions("ann", [1, 2])
    await stored.last_id()
    messages.range.assert_awaited_once_with("hall", 1, 9, 100, "k1")
    messages.changed.assert_awaited_once_with("hall", 0, 1, 9, 10, 100, "k1")
    messages.by_ids.assert_awaited_once_with("hall", [1, 2], "k1")
    messages.own_reactions.assert_awaited_once_with("ann", "hall", [1, 2], "k1")
    messages.last_id.assert_awaited_once_with("hall", "k1")
