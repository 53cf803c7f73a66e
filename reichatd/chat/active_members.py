"""Asks the store about the members of rooms, for typing and presence."""

from collections.abc import Callable, Sequence

from reichatd.settings import LiveSettings
from reichatd.store import MemberStore


class ActiveMembers:
    """Implements `reichatd.chat.activity_rounds.Members`, for all rooms.

    Arguments:
        members: None where the users in a room are counted only, and everyone may be shown as typing.
        clock: seconds since the epoch; decides when mutes have ended.
    """

    def __init__(self, members: MemberStore | None, settings: LiveSettings, clock: Callable[[], float]) -> None:
        self._members = members
        self._settings = settings
        self._clock = clock

    async def is_small(self, room_id: str) -> bool:
        most = self._settings.limits.presence_members
        return self._members is not None and len(await self._members.page(room_id, "", most + 1)) <= most

    async def silenced(self, room_id: str, user_ids: Sequence[str]) -> set[str]:
        return set() if self._members is None else await self._members.silenced(room_id, user_ids, self._clock())
