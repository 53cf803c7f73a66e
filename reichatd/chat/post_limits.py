"""How much each user may post and change, on all sockets together."""

from collections import Counter, OrderedDict
from math import ceil
from typing import NamedTuple

import structlog

from reichatd.chat.rate_limit import TokenBucket
from reichatd.settings import LimitSettings, LiveSettings

POST_OVERHEAD_BYTES = 128
"""Counted for each message beside its text: even an empty one has a row, a key and an author in the store."""

_DAY = 86_400
_MOST_USERS = 50_000
"""Users whose buckets are kept at once, about 30 MB."""
_CHECKED_USERS = 2
"""Users whose buckets are examined, and dropped if full, for each user that is added."""
_LOG_SECONDS = 60.0
"""Each user is in the log once in this time: a flood of posts must not become a flood of lines."""

log = structlog.get_logger()


class PostRefusal(NamedTuple):
    """Why a post is refused.

    Arguments:
        limit: for metrics; one of `PostLimits.LIMITS`.
        message: for the client.
        retry_after: in seconds.
    """

    limit: str
    message: str
    retry_after: float


class PostLimits:
    """Owns the buckets of all users. Reconnecting gives no full ones. All methods act at once.

    Buckets are dropped when they are full again; with too many users, some that are not full are dropped too.

    Arguments:
        refusals: counts the refused posts by limit.
        most_users: users whose buckets are kept at once.
    """

    LIMITS = ("messages_per_second", "message_bytes_per_second", "posted_bytes_per_day", "changes_per_minute")
    """The limits, by the names of their settings."""

    def __init__(
        self, settings: LiveSettings, refusals: Counter[str] | None = None, *, most_users: int = _MOST_USERS
    ) -> None:
        self._settings = settings
        self._refusals = Counter() if refusals is None else refusals
        self._refusals.update(dict.fromkeys(self.LIMITS, 0))
        self._most_users = most_users
        self._users: OrderedDict[str, _Buckets] = OrderedDict()

    def __len__(self) -> int:
        """How many users have buckets."""
        return len(self._users)

    def take(self, user_id: str, content: str, now: float, *, client: str) -> PostRefusal | None:
        """Counts a post, before it is queued. Returns why it is refused, or None.

        Arguments:
            now: Trio's time.
            client: the address that it came from, for the log.
        """
        buckets = self._users.get(user_id) or self._add(user_id, now)
        refusal = buckets.take(_size(content), now, self._settings.limits)
        if refusal is not None:
            self._note(refusal, buckets, user_id, now, client)
        return refusal

    def take_changes(self, user_id: str, count: int, text: str, now: float, *, client: str) -> PostRefusal | None:
        """Counts changes, before they are queued. Returns why they are refused, or None.

        Arguments:
            count: of messages.
            text: the new content of an edit, which counts as posted; "" without one.
            now, client: as for `take`.
        """
        buckets = self._users.get(user_id) or self._add(user_id, now)
        refusal = buckets.take_changes(count, _size(text) if text else 0, now, self._settings.limits)
        if refusal is not None:
            self._note(refusal, buckets, user_id, now, client)
        return refusal

    def _add(self, user_id: str, now: float) -> "_Buckets":
        self._make_space(now)
        buckets = self._users[user_id] = _Buckets()
        return buckets

    def _note(self, refusal: PostRefusal, buckets: "_Buckets", user_id: str, now: float, client: str) -> None:
        self._refusals[refusal.limit] += 1
        if now - buckets.logged_at >= _LOG_SECONDS:
            buckets.logged_at = now
            retry_after = ceil(refusal.retry_after)
            # etc/fail2ban reads this line.
            log.info("rate limited", action=refusal.limit, client=client, retry_after=retry_after, user_id=user_id)

    def _make_space(self, now: float) -> None:
        """Drops full buckets, a few in each call, so that the users that are kept are those who posted lately."""
        for _ in range(min(_CHECKED_USERS, len(self._users))):
            user_id, buckets = self._users.popitem(last=False)
            if not buckets.are_full(now, self._settings.limits):
                self._users[user_id] = buckets
        if len(self._users) >= self._most_users:
            self._users.popitem(last=False)


class _Buckets:
    """The buckets of one user."""

    __slots__ = ("_bytes", "_changes", "_day", "_messages", "logged_at")

    def __init__(self) -> None:
        self._messages = TokenBucket()
        self._bytes = TokenBucket()
        self._changes = TokenBucket()
        self._day = TokenBucket()
        self.logged_at = -_LOG_SECONDS
        """When a refusal was last logged, in Trio's time."""

    def take(self, size: int, now: float, limits: LimitSettings) -> PostRefusal | None:
        wait = self._messages.wait(now, limits.messages_per_second, limits.messages_burst)
        if wait:
            return PostRefusal("messages_per_second", "Too many messages; wait a little", wait)
        if (refusal := self._text_refusal(size, now, limits)) is not None:
            return refusal
        self._messages.spend(1)
        self._spend_text(size)
        return None

    def take_changes(self, count: int, size: int, now: float, limits: LimitSettings) -> PostRefusal | None:
        wait = self._changes.wait(now, limits.changes_per_minute / 60, limits.changes_burst, count)
        if wait:
            return PostRefusal("changes_per_minute", "Too many changes; wait a little", wait)
        if size and (refusal := self._text_refusal(size, now, limits)) is not None:
            return refusal
        self._changes.spend(count)
        self._spend_text(size)
        return None

    def _text_refusal(self, size: int, now: float, limits: LimitSettings) -> PostRefusal | None:
        wait = self._bytes.wait(now, limits.message_bytes_per_second, limits.message_bytes_burst, size)
        if wait:
            return PostRefusal("message_bytes_per_second", "Too much text at once; wait a little", wait)
        day = limits.posted_bytes_per_day
        wait = self._day.wait(now, day / _DAY, day, size)
        if wait:
            return PostRefusal("posted_bytes_per_day", "Too much text in one day; try again later", wait)
        return None

    def _spend_text(self, size: int) -> None:
        self._bytes.spend(size)
        self._day.spend(size)

    def are_full(self, now: float, limits: LimitSettings) -> bool:
        burst, burst_bytes, day = limits.messages_burst, limits.message_bytes_burst, limits.posted_bytes_per_day
        return not (
            self._messages.wait(now, limits.messages_per_second, burst, burst)
            or self._changes.wait(now, limits.changes_per_minute / 60, limits.changes_burst, limits.changes_burst)
            or self._bytes.wait(now, limits.message_bytes_per_second, burst_bytes, burst_bytes)
            or self._day.wait(now, day / _DAY, day, day)
        )


def _size(content: str) -> int:
    # isascii takes no time, len(encode()) makes a copy.
    return POST_OVERHEAD_BYTES + (len(content) if content.isascii() else len(content.encode()))
