"""Answers that come later: the errors that they may end in, as answers of their own."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec
import pytest
from trio.testing import MockClock

from reichatd.api.streamed import _send_late
from reichatd.errors import RateLimited, RoomNotFound
from reichatd.messaging import Body
from reichatd.store import StoreError


class Refused:
    """A body, in place of which another response is sent."""

    def __init__(self) -> None:
        self.response: tuple[int, dict[str, str], Any] | None = None

    async def refuse(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        self.response = status, dict(headers), msgspec.json.decode(data)["code"]


@pytest.mark.parametrize(
    ("error", "response"),
    [
        (RateLimited("Too many", retry_after=29.5), (429, {"Retry-After": "30"}, "rate_limited")),
        (StoreError("down"), (503, {"Retry-After": "1"}, "unavailable")),
        (RoomNotFound(), (404, {}, "room_not_found")),
    ],
)
async def test_an_error_is_answered(
    autojump_clock: MockClock, error: Exception, response: tuple[int, dict[str, str], str]
) -> None:
    async def later(body: Body) -> None:
        raise error

    body = Refused()
    await _send_late(later, 1.0, cast("Body", body))
    assert body.response == response
