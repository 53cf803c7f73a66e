"""What users are in the rooms that they have joined, and how far they have read, in MongoDB."""

from collections.abc import Sequence

from reichatd.store.mongodb.keys import first_id_of, member_id
from reichatd.store.mongodb.logs import search
from reichatd.store.mongodb.members import of_user
from reichatd.store.mongodb.membership import count_some, rooms_of
from reichatd.store.mongodb.mentions import count_unread
from reichatd.store.mongodb.room_documents import common_fields
from reichatd.store.mongodb.server import MongoDatabase
from reichatd.store.records import MOST_MEMBERS, JoinedHead, Progress, RoomHead


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


def joined_heads(db: MongoDatabase, user_id: str, room_ids: Sequence[str] | None = None) -> list[JoinedHead]:
    """See `reichatd.store.protocol.RoomStore`."""
    joined = [(room, member) for room, member in rooms_of(db, user_id) if room_ids is None or room["_id"] in room_ids]
    you, read = of_user(db, user_id), {each.room_id: each for each in progress(db, user_id)}
    counts = count_some(db, [room["key"] for room, _ in joined], MOST_MEMBERS)
    owners = [member_id(room["key"], room["owner"]) for room, _ in joined]
    present = {each["_id"]["room"] for each in db.members.find({"_id": {"$in": owners}}, {"_id": 1})}
    return [
        JoinedHead(
            RoomHead(is_member=True, is_moderator=member.get("moderator", False), **common_fields(room)),
            you[room["_id"]],
            read[room["_id"]],
            counts.get(room["key"], 0),
            room["key"] in present,
        )
        for room, member in joined
        if room["_id"] in you and room["_id"] in read  # else the user has left it meanwhile
    ]
