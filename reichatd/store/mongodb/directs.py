"""Direct conversations in MongoDB. What the methods do is said at `reichatd.store.protocol.DirectStore`."""

from reichatd.store.mongodb.keys import member_id, members_of
from reichatd.store.mongodb.membership import join
from reichatd.store.mongodb.methods import MongoPart, method
from reichatd.store.mongodb.rooms import create, delete
from reichatd.store.mongodb.server import PAGE, MongoDatabase
from reichatd.store.records import DirectHead, Room


def _find(db: MongoDatabase, pair: str) -> DirectHead | None:
    room = db.rooms.find_one({"direct": pair}, {"key": 1})
    if room is None:
        return None
    members = db.members.find(members_of(room["key"]), {"_id": 1})
    return DirectHead(room["_id"], frozenset(member["_id"]["user"] for member in members))


def _open(db: MongoDatabase, room: Room, now: float) -> DirectHead | None:
    assert room.direct is not None
    found = _find(db, room.direct)
    if found is None:
        if create(db, room):
            return DirectHead(room.room_id, frozenset(room.users))
        # The room has another one's id, or its pair has begun at the same moment: the index on `direct` is unique.
        found = _find(db, room.direct)
    if found is not None:
        for user_id in room.users:
            join(db, found.room_id, user_id, now)
    return found


def _share_room(db: MongoDatabase, user_id: str, other_id: str) -> bool:
    joined = [member["_id"]["room"] for member in db.members.find({"_id.user": user_id}, {"_id": 1}, batch_size=PAGE)]
    pairs = [member_id(key, other_id) for key in joined]
    shared = [member["_id"]["room"] for member in db.members.find({"_id": {"$in": pairs}}, {"_id": 1}, batch_size=PAGE)]
    # A room exists if its own document does: members of deleted ones may be left.
    return bool(shared) and db.rooms.find_one({"key": {"$in": shared}, "direct": None}, {"_id": 1}) is not None


def delete_directs_left_by(db: MongoDatabase, user_id: str) -> None:
    """Deletes the direct conversations of this user, who is being deleted, that the other one is not a member of.

    The user may have left them too: no one can open them again.
    """
    for room in db.rooms.find({"pair": user_id}, {"key": 1}, batch_size=PAGE):
        others = {"$and": [members_of(room["key"]), {"_id.user": {"$ne": user_id}}]}
        if not db.members.find_one(others, {"_id": 1}):
            delete(db, room["_id"])


class MongoDirects(MongoPart):
    """A `DirectStore`."""

    find = method(_find)
    open = method(_open)
    share_room = method(_share_room)
