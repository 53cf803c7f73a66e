"""Proofs for the keys of those who follow a room by HTTP."""

import time
from pathlib import Path

from tests.reload.proofs import SOON_SECONDS, proves
from tests.reload.running_parts import ROOM, running_parts


@proves("limits.poll_seconds")
async def how_long_a_poll_waits(directory: Path, key: str) -> None:
    async with running_parts(directory) as running:
        running.reload(key, SOON_SECONDS)
        began = time.monotonic()
        answer = await running.call("GET", f"/room/{ROOM}/messages?after_id=0&wait=20")
        assert (answer.json()["messages"], time.monotonic() - began < 10) == ([], True)


@proves("limits.comment_seconds")
async def how_often_a_stream_has_a_comment(directory: Path, key: str) -> None:
    async with running_parts(directory) as running, running.tcp() as stream:
        running.reload(key, SOON_SECONDS)
        request = (
            f"GET /room/{ROOM}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {running.tokens['ada']}\r\n\r\n"
        )
        await stream.send_all(request.encode())
        received = b""
        while received.count(b":\n\n") < 3:
            received += await stream.receive_some()
