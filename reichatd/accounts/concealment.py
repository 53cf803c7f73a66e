"""Answers that do not tell by their time whether an address has an account."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from reichatd.settings import AuthSettings


@asynccontextmanager
async def at_least(seconds: float) -> AsyncIterator[None]:
    """Takes this long at least, however the block ends: what is done for one address only takes less."""
    ends_at = trio.current_time() + seconds
    try:
        yield
    finally:
        await trio.sleep_until(ends_at)


def concealing(auth: "AuthSettings") -> "AbstractAsyncContextManager[None]":
    """Takes `auth.concealed_seconds` at least, if accounts are concealed."""
    return at_least(auth.concealed_seconds if auth.conceal_accounts else 0.0)
