"""Exports all data of a user or a room, page by page. Each page is a snapshot; later writes may or may not be in later pages."""

from contextlib import aclosing

from reichatd.accounts.exports import IDS_AT_ONCE, message_record, ranges, user_records
from reichatd.administration.records import Emit, Progress
from reichatd.administration.rooms import details as room_details
from reichatd.administration.rooms import emit_members_and_bans
from reichatd.store import Room, Store, User

_MESSAGES = 1000
"""Messages on a page."""

_IDS = IDS_AT_ONCE


async def export_user(store: Store, user: User, emit: Emit) -> None:
    """What a user can demand under the GDPR (articles 15 and 20): see `user_records`."""
    async with aclosing(user_records(store, user, _IDS)) as records:
        async for record in records:
            await emit(record)


async def export_room(store: Store, room: Room, emit: Emit) -> None:
    """Settings, members, bans and the whole log."""
    room_record = await room_details(store, room)
    await emit(room_record)
    await emit_members_and_bans(store, room, emit)
    for first, last in ranges(room_record.last_id, _MESSAGES):
        for message in await store.messages.range(room.room_id, first, last):
            await emit(message_record(room.room_id, message))
        await emit(Progress("messages", last, room_record.last_id))
