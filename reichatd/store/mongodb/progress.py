"""How far users have read, in MongoDB."""

from reichatd.store.mongodb.keys import first_id_of
from reichatd.store.mongodb.logs import search
from reichatd.store.mongodb.membership import rooms_of
from reichatd.store.mongodb.mentions import count_unread
from reichatd.store.mongodb.server import MongoDatabase
from reichatd.store.records import Progress


def progress(db: MongoDatabase, user_id: str) -> list[Progress]:
    """See `reichatd.store.protocol.RoomStore`."""
    rooms = rooms_of(db, user_id)
    ends = search(db, [room["key"] for room, _ in rooms])
    unread = {
        room["key"]: (max(member["last_read_id"] + 1, first_id_of(room)), ends[room["key"]]) for room, member in rooms
    }
    mentions = count_unread(db, user_id, unread)
    return [
        Progress(
            room["_id"],
            member["last_read_id"],
            ends[room["key"]],
            room.get("last_change", 0),
            mentions[room["key"]],
        )
        for room, member in rooms
    ]
