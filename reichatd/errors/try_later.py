"""The daemon does not take this now (429, 503)."""

from reichatd.closing import INTERNAL_ERROR, TRY_AGAIN_LATER
from reichatd.errors.base import ReichatError


class TryAgainLater(ReichatError):
    """The daemon does not take this now. `retry_after` is in seconds, whole or not."""

    status = 503
    close_code = INTERNAL_ERROR
    code = "try_again_later"
    text = "Try again later"

    def __init__(self, message: str | None = None, *, retry_after: float = 1) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class Unavailable(TryAgainLater):
    """A part of the daemon, such as the store, does not work now."""

    code = "unavailable"


class RateLimited(TryAgainLater):
    """The client, or someone else, has done this too often: see `reichatd.rate_limits`."""

    status = 429
    close_code = TRY_AGAIN_LATER
    code = "rate_limited"
    text = "Too many attempts; try again later"
