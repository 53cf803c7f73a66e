"""Rewrites the store's file at night, so that no copy of a text remains that was edited, deleted or erased."""

import time
from collections.abc import Callable

import structlog
import trio

from reichatd.settings import StorageSettings
from reichatd.store import Store, StoreError

_LOOK_SECONDS = 60.0
_BYTES_PER_MIB = 1024 * 1024

log = structlog.get_logger()


class Rewriting:
    """Rewrites the store's file in the hour that the settings name, where it may have such copies.

    Arguments:
        settings: of these, `rewrite_hour` and `rewrite_mib`.
        clock: seconds since the epoch.
    """

    def __init__(self, store: Store, settings: StorageSettings, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    async def run(self) -> None:
        """Looks once a minute whether there is something to do, until cancelled. After a failure it tries again later."""
        while True:
            try:
                await self.apply()
            except StoreError as error:
                log.warning("file not rewritten, tried again later", error=str(error))
            await trio.sleep(_LOOK_SECONDS)

    async def apply(self) -> None:
        """Rewrites the file if it is time.

        Raises:
            StoreError
        """
        if time.localtime(self._clock()).tm_hour != self._settings.rewrite_hour:
            return
        began = trio.current_time()
        if await self._store.erasures.rewrite(self._settings.rewrite_mib * _BYTES_PER_MIB):
            log.info("file rewritten", seconds=round(trio.current_time() - began, 3))
