"""One user cannot post more than the limits allow, whatever sockets it opens."""

import secrets
from pathlib import Path

from tests.client import Person, open_room, registered_users
from tests.end_to_end.conftest import FREE, QUICK
from tests.process import running


async def posted_by_reconnecting(person: Person, room_id: str, text: str, sockets: int = 5, posts: int = 5) -> int:
    """How many posts of this text are accepted, some on each of several sockets. All answers must be acks or rate limits."""
    accepted = 0
    for _ in range(sockets):
        async with person.talk(room_id) as talk:
            await talk.receive("initial_state")
            for _ in range(posts):
                await talk.send("message", content=text, nonce=secrets.token_hex(8))
            for _ in range(posts):
                answer = await talk.receive()
                accepted += answer["type"] == "ack"
                assert answer["type"] == "ack" or answer["code"] == "rate_limited"
    return accepted


async def accepted(directory: Path, text: str, **limits: int) -> int:
    """How many posts of this text one user gets in by reconnecting. Another user must not be refused meanwhile."""
    settings = FREE | {f"REICHATD_LIMITS_{name.upper()}": str(value) for name, value in limits.items()}
    async with running(directory, **QUICK, **settings) as daemon, registered_users(daemon, 2) as (eve, ada):
        room_id = await open_room(eve, ada)
        count = await posted_by_reconnecting(eve, room_id, text)
        assert await posted_by_reconnecting(ada, room_id, text, sockets=1, posts=1) == 1
    return count


async def test_reconnecting_gives_no_more_messages(tmp_path: Path) -> None:
    limits = {"REICHATD_LIMITS_MESSAGES_PER_SECOND": "0.01", "REICHATD_LIMITS_MESSAGES_BURST": "7"}
    async with running(tmp_path, **QUICK, **limits) as daemon, registered_users(daemon, 1) as (eve,):
        assert await posted_by_reconnecting(eve, await open_room(eve), "x") == 7


async def test_reconnecting_gives_no_more_bytes(tmp_path: Path) -> None:
    # 872 bytes of text count as 1000.
    assert await accepted(tmp_path, "x" * 872, message_bytes_per_second=1, message_bytes_burst=6500) == 6


async def test_reconnecting_gives_no_new_day(tmp_path: Path) -> None:
    assert await accepted(tmp_path, "x" * 872, posted_bytes_per_day=9000) == 9
