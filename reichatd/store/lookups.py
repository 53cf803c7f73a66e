"""Reads of many records, in parts."""

from collections.abc import Sequence

from reichatd.store.protocol import UserStore
from reichatd.store.records import User

_USERS_AT_ONCE = 500


async def users_with(users: UserStore, user_ids: Sequence[str]) -> list[User]:
    """Those of these users who exist, in the order of the ids. Any task may call it; waits for the store.

    Raises:
        StoreError
    """
    # In parts: short reads share a thread, and would all wait for one of thousands.
    return [
        user
        for start in range(0, len(user_ids), _USERS_AT_ONCE)
        for user in await users.by_ids(user_ids[start : start + _USERS_AT_ONCE])
        if user is not None
    ]
