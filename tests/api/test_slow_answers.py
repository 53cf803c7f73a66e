"""Answers that are read slowly. The gateway ends connections whose reader takes nothing."""

from typing import Any

import trio
import trio.testing

from tests.api.conftest import Api

SECONDS_EACH = 3600.0


async def test_a_slow_answer_has_no_deadline(api: Api, autojump_clock: trio.testing.MockClock) -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await trio.sleep_forever()

    async def send(message: dict[str, Any]) -> None:
        await trio.sleep(SECONDS_EACH)
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }
    await api.app(scope, receive, send)  # type: ignore[arg-type]
    assert b"".join(message.get("body", b"") for message in sent) == b'{"message":"ok"}'
    assert not sent[-1].get("more_body")
