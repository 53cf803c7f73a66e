"""Bodies that are too large or too slow."""

import pytest
import trio
import trio.testing

from reichatd import settings
from tests.api.conftest import Api, checked


@pytest.fixture
def limits() -> settings.LimitSettings:
    return settings.LimitSettings(body_bytes=2048)


async def test_body_as_large_as_allowed(api: Api) -> None:
    assert (await api("POST", "/login", b"{}".ljust(2048))).status == 422


async def test_body_too_large(api: Api) -> None:
    reply = await api("POST", "/login", b"{}".ljust(2049))
    assert (reply.status, reply.body["code"]) == (413, "request_entity_too_large")


async def test_body_too_large_without_content_length(api: Api) -> None:
    async with api.client.request("/login", method="POST") as connection:
        for _ in range(3):
            await connection.send(bytes(1000))
    assert (await checked(await connection.as_response())).status == 413


async def test_body_too_slow(api: Api, autojump_clock: trio.testing.MockClock) -> None:
    async with api.client.request("/login", method="POST") as connection:
        await connection.send(b"{")
    reply = await checked(await connection.as_response())
    assert (reply.status, reply.body["code"]) == (408, "request_timeout")
    assert trio.current_time() == pytest.approx(settings.LimitSettings().request_seconds, abs=1)
