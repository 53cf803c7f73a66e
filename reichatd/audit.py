"""The audit log: logins, changes and administration. It never has the content of a message, a password or a token."""

import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

import structlog
import trio

from reichatd.rights import Actor, UserActor
from reichatd.settings import AuditSettings, LiveSettings
from reichatd.store import AuditEntry, AuditStore, Store, StoreError, users_with

ADMINISTRATOR = "administrator"
"""The actor of what an administrator does. No user has this id."""

_DAY = 86_400.0
_STEP = 1000
"""Entries that are changed in one step."""

log = structlog.get_logger()


class Event(StrEnum):
    """What can happen. The values are stored and shown: they do not change."""

    # Logins
    LOGIN = "login"
    LOGIN_REFUSED = "login_refused"
    LOGOUT = "logout"
    SESSION_ENDED = "session_ended"
    REFRESH_TOKEN_REUSED = "refresh_token_reused"  # no password
    # Accounts
    REGISTERED = "registered"
    RENAMED = "renamed"
    PASSWORD_CHANGED = "password_changed"
    PASSWORD_RESET_REQUESTED = "password_reset_requested"
    PASSWORD_RESET = "password_reset"
    EMAIL_CHANGE_REQUESTED = "email_change_requested"
    EMAIL_CHANGED = "email_changed"
    TOTP_ENABLED = "totp_enabled"
    TOTP_DISABLED = "totp_disabled"
    RECOVERY_CODE_USED = "recovery_code_used"
    APP_PASSWORD_CREATED = "app_password_created"
    APP_PASSWORD_DELETED = "app_password_deleted"
    TOKEN_CREATED = "token_created"
    TOKEN_DELETED = "token_deleted"
    PROVIDER_LINKED = "provider_linked"
    PROVIDER_UNLINKED = "provider_unlinked"
    DATA_EXPORTED = "data_exported"
    ACCOUNT_DELETED = "account_deleted"
    # Administration
    USER_ADDED = "user_added"
    USER_DISABLED = "user_disabled"
    USER_ENABLED = "user_enabled"
    # Rooms
    ROOM_CREATED = "room_created"
    ROOM_CHANGED = "room_changed"
    ROOM_DELETED = "room_deleted"
    ROOM_TRANSFERRED = "room_transferred"
    MODERATOR_ADDED = "moderator_added"
    MODERATOR_REMOVED = "moderator_removed"
    JOINED = "joined"
    LEFT = "left"
    KICKED = "kicked"
    BANNED = "banned"
    UNBANNED = "unbanned"
    MUTED = "muted"
    UNMUTED = "unmuted"
    # Messages: `detail` has their ids
    MESSAGES_DELETED = "messages_deleted"  # those of others
    MESSAGE_PINNED = "message_pinned"
    MESSAGE_UNPINNED = "message_unpinned"
    # Direct conversations
    DIRECT_OPENED = "direct_opened"
    BLOCKED = "blocked"
    UNBLOCKED = "unblocked"
    # Invitations
    INVITE_CREATED = "invite_created"
    INVITE_DELETED = "invite_deleted"
    INVITE_USED = "invite_used"


class AuditLog:
    """Writes entries. Use cases call `record` after their change is durable.

    Arguments:
        settings: of these, `log.addresses`: without it no addresses are stored.
        clock: seconds since the epoch.
    """

    def __init__(self, store: AuditStore, settings: LiveSettings, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    async def record(
        self,
        event: Event,
        by: Actor | None,
        *,
        user_id: str = "",
        room_id: str = "",
        client: str = "",
        detail: str = "",
    ) -> None:
        """Stores an entry. Waits for the store; a cancelled caller waits too. Raises nothing: a lost entry is in the log.

        Arguments:
            by: who did it; None for someone who is not logged in.
            user_id: the target, if it is not the actor.
            client: the client's address, if the actor does not have it.
            detail: a word or two for a person, such as a reason. Never a secret.
        """
        actor = by.user_id if isinstance(by, UserActor) else "" if by is None else ADMINISTRATOR
        address = client or (by.client if isinstance(by, UserActor) else "")
        if not self._settings.whole.log.addresses:
            address = ""
        entry = AuditEntry(0, self._clock(), event.value, actor, user_id, room_id, address, detail)
        try:
            with trio.CancelScope(shield=True):
                await self._store.add(entry)
        except StoreError as error:
            log.error("audit entry lost", audited=event.value, actor=actor, user_id=user_id, error=str(error))


async def expire(store: AuditStore, settings: AuditSettings, now: float | None = None) -> None:
    """Housekeeping: removes old entries, and the addresses from entries that are not quite as old, in steps.

    Arguments:
        settings: how many days they are kept.
        now: seconds since the epoch; None for the time of now.

    Raises: StoreError.
    """
    now = time.time() if now is None else now
    before, addresses_before = (now - days * _DAY for days in (settings.days, settings.address_days))
    while await store.expire(before, addresses_before, _STEP) == _STEP:
        await trio.lowlevel.checkpoint()


class NamedEntry(NamedTuple):
    """An entry, with the names that its users have today; "" for a deleted user, or where there is none."""

    entry: AuditEntry
    actor_name: str
    username: str


async def with_names(store: Store, entries: Sequence[AuditEntry]) -> list[NamedEntry]:
    """Adds the names. Raises StoreError."""
    ids = sorted({user_id for entry in entries for user_id in (entry.actor, entry.user_id)} - {"", ADMINISTRATOR})
    names = {user.user_id: user.username for user in await users_with(store.users, ids)}
    return [NamedEntry(each, names.get(each.actor, ""), names.get(each.user_id, "")) for each in entries]
