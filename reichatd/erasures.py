"""Erases the messages of users who were deleted with them, in steps, so that posts never wait for long.

What is left after a restart is erased then. Of several daemons on one store, one does it. What messages of all users said before
they were edited or deleted is removed from the store's files here, too.
"""

import time
from collections.abc import Callable

import structlog
import trio

from reichatd.live import LiveConnections
from reichatd.pacing import pause_after
from reichatd.store import Store, StoreError

_LOOK_SECONDS = 10.0
"""How often the daemon looks for erasures to do, and removes old contents: well within the minute that users are promised."""

_AT_ONCE = 2000
"""Messages looked at in one step."""

_KEPT_SECONDS = 3600.0
"""How long the store knows of an erasure that is done: until each daemon has dropped such messages from its memory."""

log = structlog.get_logger()


class Erasures:
    """Does the erasures that the store has noted.

    Arguments:
        live: shows erased messages as they are, and drops messages from memory.
        clock: seconds since the epoch.
        is_keeper: whether this daemon does the erasures. If two do, for a moment, no harm is done.
    """

    def __init__(
        self,
        store: Store,
        live: LiveConnections,
        clock: Callable[[], float] = time.time,
        *,
        is_keeper: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store = store
        self._live = live
        self._is_keeper = is_keeper
        self._clock = clock
        self._dropped: set[str] = set()  # users whose messages were dropped from memory after their erasure

    async def run(self) -> None:
        """Does erasures as they come, until cancelled. After a failure of the store it tries again later."""
        while True:
            try:
                await self.apply()
            except StoreError as error:
                log.warning("erasure failed, tried again later", error=str(error))
            await trio.sleep(_LOOK_SECONDS)

    async def apply(self) -> None:
        """Does the erasures that there are now. It may be cancelled at any time; the next call goes on.

        Raises:
            StoreError
        """
        noted = await self._store.erasures.all()
        for erasure in noted:
            if not erasure.done_at:
                if not self._is_keeper():
                    continue
                await self._erase(erasure.user_id)
            if erasure.user_id not in self._dropped:
                self._dropped.add(erasure.user_id)
                self._live.user_renamed(erasure.user_id, "")
        self._dropped &= {erasure.user_id for erasure in noted}
        if noted and self._is_keeper():
            await self._store.erasures.forget_done(self._clock() - _KEPT_SECONDS)
        await self._store.erasures.purge()

    async def _erase(self, user_id: str) -> None:
        # The deletion of the user may have been interrupted after the erasure was noted.
        await self._store.users.delete(user_id)
        looked_at = _AT_ONCE
        while looked_at == _AT_ONCE:
            async with pause_after():
                step = await self._store.erasures.step(user_id, _AT_ONCE, self._clock())
                looked_at = step.looked_at
                self._live.messages_changed(step.changed)  # before the pause, which may be cancelled
        log.info("messages of a deleted user erased", user_id=user_id)
