"""Users whose address counts as verified without a code."""

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


async def add_verified(store: "Store", email: str, username: str, password_hash: str, now: float) -> User:
    """Creates a user; the caller has checked the fields. Waits for the store; a cancelled caller waits too.

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
    )
    user = registration.confirmed(keys.new_id(), now)
    with trio.CancelScope(shield=True):
        if await store.users.register(registration, _MOST_PENDING) is not RegisterOutcome.REGISTERED:
            raise UserExists
        if not await store.users.confirm(registration, user):
            raise UserExists
    return user
