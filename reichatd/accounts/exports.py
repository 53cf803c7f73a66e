"""All data of a user, as records: for the user (GDPR, articles 15 and 20), and for administrators.

The data is read page by page. Each page is a snapshot; later writes may or may not be in later pages.
"""

from collections.abc import AsyncGenerator, Iterator
from typing import TYPE_CHECKING

from reichatd.accounts.dependencies import Dependencies
from reichatd.accounts.export_records import (
    ActivityRecord,
    AppPasswordRecord,
    BlockRecord,
    MembershipRecord,
    MessageRecord,
    Progress,
    ProviderRecord,
    ReactionCount,
    ReactionRecord,
    SecondFactorRecord,
    SessionRecord,
    UserDetails,
    UserExport,
)
from reichatd.audit import Event
from reichatd.rate_limits import Action
from reichatd.store import AuditFilter
from reichatd.timestamps import isoformat

if TYPE_CHECKING:
    from reichatd.accounts.session_cache import Identity
    from reichatd.store import AppPassword, AuditEntry, Membership, Message, RoomMember, Session, Store, User

IDS_AT_ONCE = 5000
"""Message ids that one call searches for the messages of one author."""

_ROOMS = 100
_ENTRIES = 500
_OTHERS_OWN = {Event.BLOCKED, Event.UNBLOCKED}
"""What others did about a user, and no answer tells that user."""


UserRecords = AsyncGenerator[UserExport | Progress, None]


class Exports:
    """The downloads of users' own data. Any task may call it."""

    def __init__(self, on: Dependencies) -> None:
        self._store = on.store
        self._limiter = on.limiter
        self._audit = on.audit

    async def begin(self, identity: "Identity", *, client: str) -> UserRecords:
        """Returns the records of `user_records`. The caller closes the generator, which raises StoreError when the store fails.

        Raises:
            RateLimited, StoreError
        """
        await self._limiter.require(Action.EXPORT, client=client, subject=identity.user.user_id)
        await self._audit.record(Event.DATA_EXPORTED, identity.actor, client=client)
        return user_records(self._store, identity.user)


async def user_records(store: "Store", user: "User", ids_at_once: int = IDS_AT_ONCE) -> UserRecords:
    """All data of a user: the account and what belongs to it, the entries of the audit log, the user's own messages and reactions.

    Arguments:
        ids_at_once: message ids that are searched in one step, after which there is a `Progress`.

    Raises:
        StoreError
    """
    yield await user_details(store, user)
    own = await store.members.of_user(user.user_id)
    for membership in await store.rooms.memberships(user.user_id):
        yield _membership_record(membership, own.get(membership.room_id))
    for session in await store.sessions.of_user(user.user_id):
        yield _session_record(session)
    for app_password in await store.app_passwords.of_user(user.user_id):
        yield _app_password_record(app_password)
    factor = await store.second_factors.get(user.user_id)
    if factor is not None and factor.confirmed:
        yield SecondFactorRecord(len(factor.recovery.split()))
    for account in await store.oidc.of_user(user.user_id):
        yield ProviderRecord(account.issuer, account.subject)
    blocked_ids = await store.blocks.of_user(user.user_id)
    for blocked_id, blocked in zip(blocked_ids, await store.users.by_ids(blocked_ids), strict=True):
        yield BlockRecord(blocked_id, blocked.username if blocked else "")
    after = 0
    while entries := await store.audit.page(AuditFilter(after=after, user_id=user.user_id), _ENTRIES):
        for entry in entries:
            if entry.actor == user.user_id or entry.event not in _OTHERS_OWN:
                yield _activity_record(entry, user.user_id)
        after = entries[-1].number
    # In all rooms: the user may have left a room, or been banned, after writing in it.
    logs = await _logs(store)
    done, total = 0, sum(logs.values())
    for room_id, last_id in logs.items():
        for first, last in ranges(last_id, ids_at_once):
            for message in await store.messages.written_by(user.user_id, room_id, first, last):
                yield message_record(room_id, message)
            reactions = await store.messages.own_reactions(user.user_id, room_id, range(first, last + 1))
            for message_id, emojis in reactions.items():
                for emoji in emojis:
                    yield ReactionRecord(room_id, message_id, emoji)
            done += last - first + 1
            yield Progress("messages", done, total)


async def user_details(store: "Store", user: "User") -> UserDetails:
    """All data of a user that is not a list of its own.

    Raises:
        StoreError
    """
    memberships = await store.rooms.memberships(user.user_id)
    factor = await store.second_factors.get(user.user_id)
    return UserDetails(
        user_id=user.user_id,
        email=user.email,
        username=user.username,
        created_at=isoformat(user.created_at),
        disabled=user.disabled,
        rooms=[membership.room_id for membership in memberships],
        owns=await store.rooms.owned(user.user_id),
        banned_from=await store.rooms.banned_from(user.user_id),
        sessions=len(await store.sessions.of_user(user.user_id)),
        totp=factor is not None and factor.confirmed,
    )


def message_record(room_id: str, message: "Message") -> MessageRecord:
    extras = message.extras
    return MessageRecord(
        room_id=room_id,
        message_id=message.message_id,
        user_id=message.user_id,
        username=message.username,
        email=message.email,
        timestamp=isoformat(message.timestamp),
        content=message.content,
        edited_at=isoformat(extras.edited_at) if extras.edited_at else "",
        reply_to=extras.reply_to,
        deleted=extras.deleted or "",
        mentions=list(extras.mentions),
        mention_room=extras.mention_room,
        reactions=[ReactionCount(each.emoji, each.count, list(each.users)) for each in extras.reactions],
        pinned_by=extras.pinned.by if extras.pinned else "",
        pinned_at=isoformat(extras.pinned.at) if extras.pinned else "",
    )


def ranges(last_id: int, size: int) -> Iterator[tuple[int, int]]:
    """The ids from 1 on, in ranges of at most `size`: the first and the last id of each range."""
    for first in range(1, last_id + 1, size):
        yield first, min(first + size - 1, last_id)


def _membership_record(membership: "Membership", member: "RoomMember | None") -> MembershipRecord:
    """`member` is None if the user has left the room meanwhile."""
    return MembershipRecord(
        room_id=membership.room_id,
        joined_at=isoformat(membership.joined_at),
        last_read_id=membership.last_read_id,
        moderator=member is not None and member.is_moderator,
        muted_until=isoformat(member.muted_until) if member and member.muted_until else "",
    )


def _session_record(session: "Session") -> SessionRecord:
    return SessionRecord(
        created_at=isoformat(session.created_at),
        expires_at=isoformat(session.expires_at),
        device=session.device,
        address=session.address,
        used_at=isoformat(session.used_at) if session.used_at else "",
        token_name=session.token_name,
    )


def _app_password_record(app_password: "AppPassword") -> AppPasswordRecord:
    used_at = isoformat(app_password.used_at) if app_password.used_at else ""
    return AppPasswordRecord(app_password.name, isoformat(app_password.created_at), used_at)


def _activity_record(entry: "AuditEntry", user_id: str) -> ActivityRecord:
    return ActivityRecord(
        at=isoformat(entry.at),
        event=entry.event,
        by_user=entry.actor == user_id,
        room_id=entry.room_id,
        address=entry.address if entry.actor in (user_id, "") else "",
        detail=entry.detail,
    )


async def _logs(store: "Store") -> dict[str, int]:
    """The last message id of each room."""
    logs: dict[str, int] = {}
    after = ""
    while page := await store.rooms.page(after, _ROOMS):
        logs |= {room.room_id: room.last_id for room in page}
        after = page[-1].room_id
    return logs
