"""Roles and mutes of members in MongoDB. What the methods do is said at `reichatd.store.protocol.MemberStore`."""

from collections.abc import Sequence

from reichatd.store.mongodb.authors import find_authors, find_members
from reichatd.store.mongodb.keys import member_id, members_after
from reichatd.store.mongodb.membership import rooms_of
from reichatd.store.mongodb.methods import MongoPart, method
from reichatd.store.mongodb.room_keys import posted_rooms, room_key
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase
from reichatd.store.records import RoomMember


def _page(db: MongoDatabase, room_id: str, after: str, at_most: int) -> list[RoomMember]:
    room = posted_rooms(db, [room_id]).get(room_id)
    if room is None:
        return []
    members = list(db.members.find(members_after(room.key, after), batch_size=PAGE).sort("_id").limit(at_most))
    ids = [member["_id"] for member in members]
    standings = {one["_id"]["user"]: one for one in db.standings.find({"_id": {"$in": ids}}, batch_size=PAGE)}
    return [_member(member, room.owner, standings.get(member["_id"]["user"])) for member in members]


def of_user(db: MongoDatabase, user_id: str) -> dict[str, RoomMember]:
    standings = {one["_id"]["room"]: one for one in db.standings.find({"_id.user": user_id}, batch_size=PAGE)}
    return {
        room["_id"]: _member(member, room["owner"], standings.get(room["key"]))
        for room, member in rooms_of(db, user_id)
    }


def _member(member: Document, owner: str, standing: Document | None) -> RoomMember:
    return RoomMember(
        user_id=member["_id"]["user"],
        joined_at=member["joined_at"],
        is_owner=member["_id"]["user"] == owner,
        is_moderator=member.get("moderator", False),
        muted_until=standing.get("muted_until", 0.0) if standing else 0.0,
    )


def _set_moderator(db: MongoDatabase, room_id: str, user_id: str, moderator: bool) -> bool:
    key = room_key(db, room_id)
    if key is None:
        return False
    change = {"$set": {"moderator": moderator}}
    return db.members.update_one({"_id": member_id(key, user_id)}, change).matched_count > 0


def _mute(db: MongoDatabase, room_id: str, user_id: str, until: float) -> bool:
    key = room_key(db, room_id)
    if key is None:
        return False
    # No document for a user who never had one: anyone may own a room, and end the mute of any id.
    db.standings.update_one({"_id": member_id(key, user_id)}, {"$set": {"muted_until": until}}, upsert=until > 0)
    return True


def _silenced(db: MongoDatabase, room_id: str, user_ids: Sequence[str], at: float) -> set[str]:
    room = posted_rooms(db, [room_id]).get(room_id)
    if room is None:
        return set(user_ids)
    authors = find_authors(db, find_members(db, [(room.key, user_id) for user_id in user_ids]), [room])
    return set(user_ids) - {user_id for (_, user_id), author in authors.items() if not author.is_silenced(at)}


class MongoMembers(MongoPart):
    """A `MemberStore`."""

    page = method(_page)
    of_user = method(of_user)
    set_moderator = method(_set_moderator)
    mute = method(_mute)
    silenced = method(_silenced)
