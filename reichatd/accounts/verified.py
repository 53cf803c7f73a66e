"""Registrations whose address needs no code."""

from typing import TYPE_CHECKING

import trio

from reichatd.accounts import keys
from reichatd.errors import UserExists
from reichatd.store import RegisterOutcome, Registration, User

if TYPE_CHECKING:
    from reichatd.accounts.invites import Invites
    from reichatd.store import Store

_MOST_PENDING = 100
"""The most that the settings can allow: a user who is added here is confirmed at once, and must not displace a registration."""

_REGISTRATION_SECONDS = 60.0
"""How long a registration is kept if the daemon dies before it is confirmed, which happens at once."""


def verified_registration(
    email: str, username: str, password_hash: str, now: float, invite_id: str = ""
) -> Registration:
    """A registration that no code confirms."""
    return Registration(
        email=email,
        username=username,
        password_hash=password_hash,
        code_hash=keys.new_id(),  # no code has this hash
        tries_left=0,
        expires_at=now + _REGISTRATION_SECONDS,
        invite_id=invite_id,
    )


async def confirm_at_once(
    store: "Store", registration: Registration, now: float, invites: "Invites | None" = None, *, client: str = ""
) -> User:
    """Creates the user of a `verified_registration`. Waits for the store; a cancelled caller waits too.

    Arguments:
        invites: uses up the registration's invitation; None for an administrator, who needs none.
        client: the address that the request came from, for the audit log.

    Raises:
        UserExists: a user has this address.
        InviteNotFound: the invitation is needed, and no longer valid.
    """
    user = registration.confirmed(keys.new_id(), now)
    with trio.CancelScope(shield=True):
        if await store.users.register(registration, _MOST_PENDING) is not RegisterOutcome.REGISTERED:
            raise UserExists
        if invites is None:
            confirmed = await store.users.confirm(registration, user)
        else:
            confirmed = (await invites.confirm(registration, user, client=client)).user
    if confirmed is None:
        raise UserExists
    return user
