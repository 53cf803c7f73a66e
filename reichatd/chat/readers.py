"""Who may read a room."""

from reichatd import rights
from reichatd.chat.read_marks import MarkReader
from reichatd.errors import RoomNotFound
from reichatd.rights import Action, UserActor
from reichatd.store import MessageStore


async def require_reader(marks: MarkReader, messages: MessageStore, by: UserActor, room_id: str) -> None:
    """Waits for the store.

    Raises:
        RoomNotFound, Forbidden, InsufficientScope, StoreError
    """
    is_member = await marks.read(room_id, by.user_id) is not None
    if not is_member and await messages.last_id(room_id) is None:
        raise RoomNotFound
    rights.require(by, Action.READ, is_member=is_member)
