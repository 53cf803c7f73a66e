"""The live rooms: makes them, runs them, finds them by their ids and by the keys of their logs."""

from collections.abc import Callable, Sequence

import structlog
import trio

from reichatd.chat.batched_reads import BatchedReads
from reichatd.chat.room import LiveRoom
from reichatd.closing import ROOM_NOT_FOUND, SERVER_FAULT, Close
from reichatd.store import MessageStore

log = structlog.get_logger()


class OpenRooms:
    """Owned by the hub. Only `run` and `is_current` wait.

    Under the same id, one room may have been deleted and another made. So the rooms also have keys, where the store has a feed.

    Arguments:
        make: makes a room, which is not live yet.
    """

    def __init__(self, messages: MessageStore, make: Callable[[str], LiveRoom]) -> None:
        self.by_id: dict[str, LiveRoom] = {}
        self.by_key: dict[str, LiveRoom] = {}
        """The same rooms, as far as they have keys and know them. Other threads look up keys here."""
        self._messages = messages
        self._make = make
        self._keys: BatchedReads[str, str | None] = BatchedReads(self._read_keys)
        self._nursery: trio.Nursery

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keeps the rooms alive until cancelled."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await self._keys.run()

    def open(self, room_id: str) -> LiveRoom:
        """Makes a room live, which must not be."""
        room = self.by_id[room_id] = self._make(room_id)
        self._nursery.start_soon(self._run, room)
        return room

    def identify(self, room: LiveRoom) -> None:
        """The room knows the key of its log: it can be found by that."""
        self.by_key[room.key] = room

    async def is_current(self, room: LiveRoom) -> bool:
        """Whether the store's room with this id is still the same one. Waits only in a store with a feed.

        Raises:
            StoreError
        """
        return not room.key or await self._keys.read(room.room_id) == room.key

    def end(self, room: LiveRoom) -> None:
        """The room was deleted: closes its sockets with 1008."""
        self._remove(room)  # at once: a new room with this id starts with an empty log
        self._close(room, ROOM_NOT_FOUND)
        room.scope.cancel()

    def end_if_empty(self, room: LiveRoom) -> None:
        """Ends the room if no connection is in it."""
        if not room.connections:
            self._remove(room)
            room.scope.cancel()

    async def _run(self, room: LiveRoom) -> None:
        try:
            await room.run()
        except Exception:
            log.exception("room crashed", room_id=room.room_id)
            self._close(room, SERVER_FAULT)
        finally:
            self._remove(room)

    def _remove(self, room: LiveRoom) -> None:
        if self.by_id.get(room.room_id) is room:
            del self.by_id[room.room_id]
        if self.by_key.get(room.key) is room:
            del self.by_key[room.key]

    @staticmethod
    def _close(room: LiveRoom, close: Close) -> None:
        for connection in list(room.connections):
            room.leave(connection)
            connection.close_soon(close)

    async def _read_keys(self, room_ids: Sequence[str]) -> list[str | None]:
        keys = await self._messages.log_keys(list(dict.fromkeys(room_ids)))
        return [keys.get(room_id) for room_id in room_ids]
