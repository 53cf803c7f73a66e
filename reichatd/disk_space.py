"""Watches the disk that the data is on: posts stop before it is full."""

import os
from collections import Counter
from pathlib import Path

import structlog
import trio

from reichatd.settings import LiveSettings

MIN_FREE_BYTES = "min_free_bytes"
"""Names the limit where refusals are counted."""

_CHECK_SECONDS = 2.0
_ENOUGH_AGAIN = 1.1
"""By how much more than the minimum must be free before posts are accepted again, so that the log does not flicker."""

log = structlog.get_logger()


class DiskSpace:
    """Knows whether the disk has less free space than `storage.min_free_bytes`. Only `run` waits.

    Arguments:
        directory: on the disk that is watched; None if a server has the data: its disk is not visible from here.
        refusals: counts the posts that are refused.
    """

    def __init__(self, settings: LiveSettings, directory: Path | None, refusals: Counter[str] | None = None) -> None:
        self.is_low = False
        """Whether posts are refused now."""
        self._settings = settings
        self._directory = directory
        self._refusals = Counter() if refusals is None else refusals
        self._refusals.update({MIN_FREE_BYTES: 0})

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Looks at the disk every two seconds until cancelled. Started after the first look."""
        if self._directory is None:
            task_status.started()
            return
        await self._check(self._directory)
        task_status.started()
        while True:
            await trio.sleep(_CHECK_SECONDS)
            await self._check(self._directory)

    def refuses(self) -> bool:
        """Whether a post is refused, which is counted."""
        if self.is_low:
            self._refusals[MIN_FREE_BYTES] += 1
        return self.is_low

    async def _check(self, directory: Path) -> None:
        try:
            # In a thread, which is left alone at the end: a file system may hang.
            space = await trio.to_thread.run_sync(os.statvfs, directory, abandon_on_cancel=True)
        except OSError as error:
            log.debug("free space unknown", error=str(error))
            return
        free, minimum = space.f_bavail * space.f_frsize, self._settings.whole.storage.min_free_bytes
        was_low, self.is_low = self.is_low, free < minimum * (_ENOUGH_AGAIN if self.is_low else 1)
        if self.is_low and not was_low:
            log.warning("disk almost full, posts refused", directory=str(directory), free=free, min_free=minimum)
        elif was_low and not self.is_low:
            log.warning("disk has space again, posts accepted", directory=str(directory), free=free)
