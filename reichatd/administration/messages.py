"""Administrators' requests about single messages."""

from collections.abc import Awaitable, Callable

from reichatd.accounts.exports import message_record
from reichatd.administration import requests
from reichatd.administration.records import Emit, MessagesDeleted
from reichatd.administration.rooms import RoomAdministration
from reichatd.errors import Invalid
from reichatd.settings import LiveSettings
from reichatd.store import Delete, Store

DeleteInRoom = Callable[[Delete], Awaitable[None]]
"""Deletes messages: returns when this is durable, in the audit log, and passed on to live connections.

Raises MessageNotFound, RoomNotFound, Unavailable, StoreError.
"""


class MessageAdministration:
    """See `Administration`. Raises the errors of `reichatd.errors`."""

    def __init__(
        self,
        *,
        store: Store,
        rooms: RoomAdministration,
        settings: LiveSettings,
        delete: DeleteInRoom,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._rooms = rooms
        self._settings = settings
        self._delete_in_room = delete
        self._clock = clock

    async def perform(self, request: requests.MessageRequest, emit: Emit) -> None:
        room_id = (await self._rooms.find(request.room_id)).room_id
        match request:
            case requests.ShowMessages():
                message_ids = _chosen(request.ranges, self._settings.limits.fetch_ids)
                for message in await self._store.messages.by_ids(room_id, message_ids):
                    await emit(message_record(room_id, message))
            case requests.DeleteMessages():
                message_ids = _chosen(request.ranges, self._settings.limits.deletes)
                await emit(await self._delete(room_id, message_ids))

    async def _delete(self, room_id: str, message_ids: list[int]) -> MessagesDeleted:
        found = await self._store.messages.by_ids(room_id, message_ids)
        to_delete = [message.message_id for message in found if message.extras.deleted is None]
        if to_delete:
            await self._delete_in_room(Delete(room_id, "", tuple(to_delete), self._clock(), by_administrator=True))
        return MessagesDeleted(
            room_id,
            deleted=to_delete,
            deleted_before=[message.message_id for message in found if message.extras.deleted is not None],
            missing=sorted(set(message_ids) - {message.message_id for message in found}),
        )


def _chosen(ranges: tuple[tuple[int, int], ...], at_most: int) -> list[int]:
    """The ids in these ranges, in order. Raises: Invalid, if there are more than `at_most`, or none."""
    if not 1 <= sum(max(0, last - first + 1) for first, last in ranges) <= at_most:
        raise Invalid(f"1 to {at_most} messages at once")
    return sorted({message_id for first, last in ranges for message_id in range(first, last + 1)})
