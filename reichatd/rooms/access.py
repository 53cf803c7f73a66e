"""What all use cases of rooms share: who may do something with which room, and changes that cannot be cut in two."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio

from reichatd import rights
from reichatd.errors import DirectRoom, RoomNotFound, Unavailable
from reichatd.rights import Action, Actor, UserActor
from reichatd.settings import LiveSettings
from reichatd.store import RoomHead, Store


class Access:
    """Reads a room, and decides whether an actor may do something with it.

    Arguments:
        settings: of these, `limits.request_seconds`.
    """

    def __init__(self, store: Store, settings: LiveSettings) -> None:
        self._store = store
        self._settings = settings

    async def existing(self, by: Actor, room_id: str) -> RoomHead:
        """The room, with the actor's own membership. Raises RoomNotFound."""
        room = await self._store.rooms.head(room_id, by.user_id if isinstance(by, UserActor) else "")
        if room is None:
            raise RoomNotFound
        return room

    async def authorize(self, by: Actor, action: Action, room_id: str, *, target: str | None = None) -> RoomHead:
        """Returns the room if the actor may do this (to the target, a user id).

        Raises: RoomNotFound, DirectRoom, Forbidden, or Yourself: the first in this order.
        """
        room = await self.existing(by, room_id)
        if room.direct is not None and action not in rights.IN_DIRECT_CONVERSATIONS:
            raise DirectRoom
        rights.require(by, action, owner=room.owner, is_member=room.is_member, is_moderator=room.is_moderator)
        if target is not None:
            is_moderator = False
            if rights.acts_as_moderator(by, owner=room.owner):
                other = await self._store.rooms.head(room_id, target)
                is_moderator = other is not None and other.is_moderator
            rights.check_target(by, owner=room.owner, user_id=target, is_moderator=is_moderator)
        return room

    async def authorize_without_room(self, by: Actor, action: Action, room_id: str) -> None:
        """As `authorize`, before a step of the store that notices itself if there is no such room.

        An administrator's rights do not depend on the room, so it is not read for them.
        """
        if not rights.allows(by, action):
            await self.authorize(by, action, room_id)

    @contextmanager
    def uninterrupted(self) -> Iterator[None]:
        """Keeps a cancellation out, so that none falls between a durable change and its live effect.

        Trio alone does not promise that: it waits for a thread that has begun, but the store may pass further checkpoints
        before it returns. The shield has a deadline: without one it could hold up the daemon's stop.

        Raises: Unavailable, at that deadline.
        """
        with trio.move_on_after(self._settings.limits.request_seconds, shield=True) as scope:
            yield
        if scope.cancelled_caught:
            raise Unavailable
