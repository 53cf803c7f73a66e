"""What the audit log has about rooms."""

from reichatd.audit import NamedEntry, with_names
from reichatd.rights import Action, Actor
from reichatd.rooms.access import Access
from reichatd.store import AuditFilter, Store


class RoomAudit:
    """Shows the audit log of a room; see `Rooms`."""

    def __init__(self, *, access: Access, store: Store) -> None:
        self._access = access
        self._store = store

    async def page(self, by: Actor, room_id: str, *, before: int, at_most: int) -> list[NamedEntry]:
        """The entries of a room with numbers below `before`, newest first.

        Only those since the room was created: an earlier room with the same id is another room.

        Raises: RoomNotFound, Forbidden.
        """
        room = await self._access.authorize(by, Action.READ_AUDIT, room_id)
        chosen = AuditFilter(before=before, since=room.created_at, room_id=room_id, newest_first=True)
        return await with_names(self._store, await self._store.audit.page(chosen, at_most))
