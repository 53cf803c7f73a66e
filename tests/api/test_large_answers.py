"""Answers that are built whole and that no one reads: the memory that they take is bounded."""

from typing import Any

import msgspec
import pytest
import structlog
import trio

from reichatd import settings
from reichatd.rights import ADMINISTRATOR
from reichatd.store import Store
from tests.api.conftest import Api, Someone, make_api
from tests.mail.server import until
from tests.unlimited import UNLIMITED

LIMIT = 300_000
LARGE = 100_000


@pytest.fixture
def limits() -> settings.LimitSettings:
    return msgspec.convert({**UNLIMITED, "room_description_max": LARGE, "answer_bytes": LIMIT}, settings.LimitSettings)


async def hold(api: Api, path: str, by: Someone, held: list[str]) -> None:
    """Makes a call whose answer is never taken, until cancelled. Adds the path to `held` when it is to be sent."""
    headers = [(b"host", b"x"), (b"authorization", f"Bearer {by.access_token}".encode())]
    scope: dict[str, Any] = {"type": "http", "http_version": "1.1", "method": "GET", "scheme": "http"}
    scope |= {"path": path, "query_string": b"", "headers": headers}

    async def send(_: Any) -> None:  # noqa: ANN401 - ASGI's
        held.append(path)
        await trio.sleep_forever()

    await api.app(scope, trio.sleep_forever, send)  # type: ignore[arg-type]


async def test_large_answers_are_bounded_together(store: Store, limits: settings.LimitSettings) -> None:
    api = make_api(store, limits)
    ann = await api.user("ann")
    for room_id, size in (("large", LARGE), ("small", 10_000)):
        await api.app.extensions["reichatd"].rooms.create(ADMINISTRATOR, ann.user_id, "Room", "x" * size, None, room_id)
    with trio.CancelScope() as holding:
        async with trio.open_nursery() as holders:
            held: list[str] = []
            for path in ("/room/large", "/room/large", "/public", "/public"):
                holders.start_soon(hold, api, path, ann, held)
            await until(lambda: len(held) == 4)
            with structlog.testing.capture_logs() as logged:
                refused = await api("GET", "/joined", by=ann)
            assert (refused.status, refused.body["code"], refused.headers["Retry-After"]) == (503, "unavailable", "5")
            assert [line["status"] for line in logged] == [503]
            for path in ("/room/small", "/public"):
                assert (await api("GET", path, by=ann)).status == 200
            holding.cancel()
    assert (await api("GET", "/joined", by=ann)).status == 200
