"""Invitations: their tokens, and the registrations that they allow."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from reichatd import rights
from reichatd.accounts import keys
from reichatd.audit import AuditLog, Event
from reichatd.errors import (
    FieldProblem,
    InvalidFields,
    InviteNotFound,
    RegistrationClosed,
    RoomNotFound,
    TooManyInvites,
)
from reichatd.hosts import bare, unix_path, with_port
from reichatd.rate_limits import Action
from reichatd.rights import Actor, UserActor
from reichatd.store import Confirmation, Invite, InviteOutcome, Registration, User

if TYPE_CHECKING:
    from reichatd.rate_limits import RateLimiter
    from reichatd.settings import LiveSettings
    from reichatd.settings.server import ServerSettings
    from reichatd.store import Store

_DAY = 86_400.0
_FIRST_ID = "first"
"""The id of the invitation for the first account. There is one at most."""
_MOST_USES = 1_000_000
_EVERY_ADDRESS = {"::", "0.0.0.0"}


class NewInvite(Struct, frozen=True):
    """An invitation that was just made. Only here is its token known."""

    invite: Invite
    token: str


class Invites:
    """All invitations. Every method may be called from any task and waits for the store. Who may make, see and delete invitations
    is decided by `reichatd.rooms.invites`.

    Errors: in addition to those named at each method, `StoreError`.

    Arguments:
        settings: of these, `auth.registration` and the limits of invitations.
        keys: returns the keys for the hashes of tokens; called when they are needed.
        limiter: is asked before tokens are compared.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        settings: "LiveSettings",
        keys: Callable[[], keys.Keys],
        store: "Store",
        limiter: "RateLimiter",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._store = store
        self._limiter = limiter
        self._clock = clock
        self._audit = AuditLog(store.audit, settings, clock)

    async def create(
        self, room_id: str, created_by: str, *, uses: int | None = None, days: int | None = None, invite_id: str = ""
    ) -> NewInvite:
        """Makes an invitation.

        Arguments:
            room_id: "" for one to the server.
            created_by: a user id; "" for an administrator, who may make any number.
            uses: how many people may use it; None for any number.
            days: how long it is valid; None for `limits.invite_days`.
            invite_id: "" for a random one.

        Raises: InvalidFields, RoomNotFound, TooManyInvites.
        """
        limits, now, token = self._settings.limits, self._clock(), keys.new_invite_token()
        self._check(uses, days)
        invite = Invite(
            invite_id=invite_id or keys.new_id(),
            token_hash=self._keys().invite_hash(token),
            room_id=room_id,
            created_by=created_by,
            created_at=now,
            expires_at=now + (limits.invite_days if days is None else days) * _DAY,
            uses_left=uses,
        )
        match await self._store.invites.create(invite, limits.invites_per_room if created_by else 0):
            case InviteOutcome.NO_ROOM:
                raise RoomNotFound
            case InviteOutcome.TOO_MANY:
                raise TooManyInvites
        return NewInvite(invite, token)

    async def find(self, token: str, *, client: str) -> Invite:
        """The valid invitation with this token.

        Arguments:
            client: the address that the request came from.

        Raises: InviteNotFound, RateLimited.
        """
        async with self._limiter.guess(Action.INVITE, client=client, subject=""):
            invite = await self._store.invites.by_hash(self._keys().invite_hash(token))
            if invite is None or not await self._is_valid(invite):
                raise InviteNotFound
        return invite

    async def valid(self, room_id: str) -> list[Invite]:
        """The valid invitations to a room, or to the server (""), oldest first."""
        return [invite for invite in await self._store.invites.of_room(room_id) if await self._is_valid(invite)]

    async def admit(self, token: str | None, *, client: str) -> str:
        """Decides whether someone may register, by `auth.registration`; returns the id of the invitation, "" without one.

        With "closed", only an invitation by an administrator counts.

        Raises: RegistrationClosed, InviteNotFound, RateLimited.
        """
        registration = self._settings.whole.auth.registration
        if not token:
            if registration == "open":
                return ""
            raise RegistrationClosed(
                "Registration needs an invitation" if registration == "invite" else RegistrationClosed.text
            )
        invite = await self.find(token, client=client)
        if registration == "closed" and invite.created_by:
            raise RegistrationClosed
        return invite.invite_id

    async def confirm(self, registration: Registration, user: User, *, client: str = "") -> Confirmation:
        """Confirms a registration; also uses up its invitation, if it has one, and lets the user join the room.

        Arguments:
            client: the address that the request came from; "" if it is not known.

        Raises: InviteNotFound: nobody may register without the invitation, and it is no longer valid.
        """
        # A registration without an invitation was allowed when it was made.
        needed = bool(registration.invite_id) and self._settings.whole.auth.registration != "open"
        invite = await self._store.invites.by_id(registration.invite_id) if registration.invite_id else None
        if invite is not None and not await self._is_valid(invite):
            # The store knows when it ends, but not what its creator may do.
            registration = replace(registration, invite_id="")
        outcome = await self._store.invites.confirm(registration, user, self._clock(), needed=needed)
        if outcome.is_invite_gone:
            raise InviteNotFound
        await record_use(self._audit, UserActor(user.user_id, "", client), outcome)
        return outcome

    async def first(self) -> NewInvite | None:
        """Makes the invitation for the first account, and ends the one of an earlier start.

        None if there is an account, or if no invitation is needed. The earlier one ends then, too.
        """
        if self._settings.whole.auth.registration == "open":
            return None
        # No write without need: the daemon also starts on a full disk.
        if await self._store.invites.by_id(_FIRST_ID) is not None:
            await self._store.invites.delete("", _FIRST_ID)
        if await self._store.users.page("", 1):
            return None
        made = await self.create("", "", uses=1, invite_id=_FIRST_ID)
        await self._audit.record(Event.INVITE_CREATED, rights.ADMINISTRATOR, detail="for the first account")
        return made

    async def delete_expired(self) -> None:
        """Housekeeping: removes invitations that have expired."""
        await self._store.invites.delete_expired(self._clock())

    async def _is_valid(self, invite: Invite) -> bool:
        """Whether it may be used: one by a user only while that user is not disabled and may make invitations to the room."""
        if not invite.is_valid(self._clock()):
            return False
        if not invite.created_by:
            return True
        creator = await self._store.users.by_id(invite.created_by)
        if creator is None or creator.disabled:
            return False
        room = await self._store.rooms.head(invite.room_id, invite.created_by)
        return room is not None and rights.allows(
            UserActor(invite.created_by, ""),
            rights.Action.INVITE,
            owner=room.owner,
            is_member=room.is_member,
            is_moderator=room.is_moderator,
        )

    def _check(self, uses: int | None, days: int | None) -> None:
        most_days = self._settings.limits.invite_days_max
        rules = {
            "uses": (uses is None or 1 <= uses <= _MOST_USES, f"must be from 1 to {_MOST_USES:,}"),
            "days": (days is None or 1 <= days <= most_days, f"must be from 1 to {most_days}"),
        }
        problems = [FieldProblem(field, problem) for field, (kept, problem) in rules.items() if not kept]
        if problems:
            raise InvalidFields(problems)


async def record_use(audit: AuditLog, by: Actor, confirmed: Confirmation, *, user_id: str = "") -> None:
    """Records that a confirmation has used up an invitation, if it has. The arguments are those of `AuditLog.record`."""
    if invite := confirmed.invite:
        await audit.record(Event.INVITE_USED, by, user_id=user_id, room_id=invite.room_id, detail=invite.invite_id)


def invite_url(server: "ServerSettings", token: str, *, base: str = "") -> str:
    """The page of the web client that opens an invitation. Its token is in the fragment, which no server gets to see or logs.

    Arguments:
        base: where clients reach the daemon, if `server.public_url` does not say; "" for its own address.
    """
    return f"{(server.public_url or base or _own_url(server)).rstrip('/')}/#/invite/{token}"


def _own_url(server: "ServerSettings") -> str:
    scheme, host = "https" if server.tls_cert else "http", server.hosts[0]
    if unix_path(host):
        return f"{scheme}://localhost"
    return f"{scheme}://{with_port('localhost' if bare(host) in _EVERY_ADDRESS else host, server.port)}"
