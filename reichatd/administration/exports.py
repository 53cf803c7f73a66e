"""Exports all data of a user or a room, page by page. Each page is a snapshot; later writes may or may not be in later pages."""

from collections.abc import Iterator

from reichatd.administration.records import BlockRecord, Emit, MembershipRecord, MessageRecord, Progress, SessionRecord
from reichatd.administration.rooms import details as room_details
from reichatd.administration.rooms import emit_members_and_bans
from reichatd.administration.users import details as user_details
from reichatd.store import Message, Room, Store, User, users_with
from reichatd.timestamps import isoformat

_MESSAGES = 1000
"""Messages on a page."""

_IDS = 5000
"""Message ids that one call searches for the messages of one author."""

_ROOMS = 100


async def export_user(store: Store, user: User, emit: Emit) -> None:
    """What a user can demand under the GDPR (articles 15 and 20): account, memberships, login sessions, blocks, own messages."""
    await emit(await user_details(store, user))
    for membership in await store.rooms.memberships(user.user_id):
        await emit(MembershipRecord(membership.room_id, isoformat(membership.joined_at), membership.last_read_id))
    for session in await store.sessions.of_user(user.user_id):
        await emit(SessionRecord(isoformat(session.created_at), isoformat(session.expires_at)))
    for blocked in await users_with(store.users, await store.blocks.of_user(user.user_id)):
        await emit(BlockRecord(blocked.user_id, blocked.username))
    # In all rooms: the user may have left a room, or been banned, after writing in it.
    logs = await _logs(store)
    done, total = 0, sum(logs.values())
    for room_id, last_id in logs.items():
        for first, last in _ranges(last_id, _IDS):
            await _emit_messages(room_id, await store.messages.written_by(user.user_id, room_id, first, last), emit)
            done += last - first + 1
            await emit(Progress("messages", done, total))


async def export_room(store: Store, room: Room, emit: Emit) -> None:
    """Settings, members, bans and the whole log."""
    room_record = await room_details(store, room)
    await emit(room_record)
    await emit_members_and_bans(store, room, emit)
    for first, last in _ranges(room_record.last_id, _MESSAGES):
        await _emit_messages(room.room_id, await store.messages.range(room.room_id, first, last), emit)
        await emit(Progress("messages", last, room_record.last_id))


async def _logs(store: Store) -> dict[str, int]:
    """The last message id of each room."""
    logs: dict[str, int] = {}
    after = ""
    while page := await store.rooms.page(after, _ROOMS):
        logs |= {room.room_id: room.last_id for room in page}
        after = page[-1].room_id
    return logs


def _ranges(last_id: int, size: int) -> Iterator[tuple[int, int]]:
    """The ids from 1 on, in ranges of at most `size`: the first and the last id of each range."""
    for first in range(1, last_id + 1, size):
        yield first, min(first + size - 1, last_id)


async def _emit_messages(room_id: str, messages: list[Message], emit: Emit) -> None:
    for message in messages:
        await emit(
            MessageRecord(
                room_id=room_id,
                message_id=message.message_id,
                user_id=message.user_id,
                username=message.username,
                email=message.email,
                timestamp=isoformat(message.timestamp),
                content=message.content,
            )
        )
