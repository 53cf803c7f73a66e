"""Users whose address counts as verified without a code."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import trio

from reichatd.accounts import keys
from reichatd.errors import UserExists
from reichatd.store import RegisterOutcome, Registration, User

if TYPE_CHECKING:
    from reichatd.store import Store

_MOST_PENDING = 100
"""The most that the settings can allow: a user who is added here is confirmed at once, and must not displace a registration."""

_REGISTRATION_SECONDS = 60.0
"""How long a registration is kept if the daemon dies before it is confirmed, which happens at once."""


async def add_verified(
    store: "Store",
    email: str,
    username: str,
    password_hash: str,
    now: float,
    *,
    invite_id: str = "",
    confirm: Callable[[Registration, User], Awaitable[User | None]] | None = None,
) -> User:
    """Creates a user; the caller has checked the fields. Waits for the store; a cancelled caller waits too.

    Arguments:
        invite_id: the invitation that allows it; "" without one.
        confirm: confirms the registration; by default the store does, whatever its invitation.

    Raises:
        UserExists: a user has this address.
    """
    registration = Registration(
        email=email,
        username=username,
        password_hash=password_hash,
        code_hash=keys.new_id(),  # no code has this hash
        tries_left=0,
        expires_at=now + _REGISTRATION_SECONDS,
        invite_id=invite_id,
    )
    user = registration.confirmed(keys.new_id(), now)
    with trio.CancelScope(shield=True):
        if await store.users.register(registration, _MOST_PENDING) is not RegisterOutcome.REGISTERED:
            raise UserExists
        if not await (confirm or store.users.confirm)(registration, user):
            raise UserExists
    return user
