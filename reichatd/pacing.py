"""Work in steps that leaves the store free for others most of the time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

_PAUSE_FACTOR = 2.0
"""The pause after a step, in times of the step's duration: two thirds of the time the store is free for others."""


@asynccontextmanager
async def pause_after() -> AsyncIterator[None]:
    """Sleeps after the block, for a time in proportion to the block's."""
    began = trio.current_time()
    yield
    await trio.sleep(_PAUSE_FACTOR * (trio.current_time() - began))
