"""Proofs for the keys of conversations: limits, retention, rates, the log in memory, commits."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import trio
from trio.testing import wait_all_tasks_blocked

from reichatd.closing import SLOW_READER
from reichatd.rights import ADMINISTRATOR
from reichatd.wallclock import WallClock
from tests.chat.doubles import FakeSocket, connect
from tests.client import PASSWORD, Talk
from tests.mail.server import until
from tests.reload.proofs import SOON_SECONDS, proves
from tests.reload.running_parts import ROOM, RunningParts, running_parts

# --- the limits that a refusal names


REGISTRATION = {"email": "eve@example.org", "password": "x", "username": "!"}
NEW_ROOM = {"name": "", "description": "x" * 2000, "room_id": "!"}
USER_LIMITS = ("limits.password_min", "limits.password_max", "limits.username_min", "limits.username_max")
ROOM_LIMITS = ("limits.room_id_min", "limits.room_id_max", "limits.room_name_max", "limits.room_description_max")


@proves("limits.common_passwords")
async def the_common_passwords(directory: Path, key: str) -> None:
    body = {"email": "eve@example.org", "password": "12345678", "username": "eve"}
    async with running_parts(directory) as running:
        assert (await running.call("POST", "/register", json=body)).status_code == 201
        running.reload(key, 10)
        assert (await running.call("POST", "/register", json=body)).status_code == 400


@proves("limits.exports_per_user_day")
async def the_downloads_of_a_day(directory: Path, key: str) -> None:
    async with running_parts(directory, {"limits.refusal_seconds": 0.0}) as running:
        running.reload(key, 2)
        statuses = [(await running.call("GET", "/user/export")).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]


@proves(*USER_LIMITS, *ROOM_LIMITS)
async def a_limit_of_rest(directory: Path, key: str) -> None:
    async def refusals(running: RunningParts) -> str:
        register = await running.call("POST", "/register", json=REGISTRATION)
        return register.text + (await running.call("POST", "/room", json=NEW_ROOM)).text

    new = 7 if key.endswith("_min") else 123
    async with running_parts(directory) as running:
        assert f" {new} " not in await refusals(running)
        running.reload(key, new)
        assert f" {new} " in await refusals(running)


ADA = {"email": "ada@example.org", "password": "wrong guess"}
OTHER_ROOM = {"name": "Other", "description": ""}
GUESSES = (
    "limits.guesses_per_client",
    "limits.guesses_per_subject_and_client",
    "limits.guesses_per_subject_hour",
    "limits.password_checks_per_client",
)
MAILS = ("limits.mails_per_client_hour", "limits.mails_per_address_hour", "limits.mails_per_address_day")


@proves(*GUESSES, *MAILS, "limits.codes_per_address_hour", "limits.rooms_per_user_hour", "limits.rooms_owned")
async def a_limit_on_how_often(directory: Path, key: str) -> None:
    async def attempts(running: RunningParts) -> set[int]:
        """The statuses of three attempts."""
        path, body = {
            **dict.fromkeys(GUESSES, ("/login", ADA)),
            **dict.fromkeys(MAILS, ("/register", {**ADA, "email": "eve@example.org", "username": "eve"})),
            "limits.codes_per_address_hour": ("/verify", {"email": "eve@example.org", "code": "1"}),
        }.get(key, ("/room", OTHER_ROOM))
        return {(await running.call("POST", path, json=body)).status_code for _ in range(3)}

    refused = 409 if key == "limits.rooms_owned" else 429
    async with running_parts(directory, {"limits.refusal_seconds": 0.0}) as running:
        assert refused not in await attempts(running)
        running.reload(key, 2)
        assert refused in await attempts(running)


@proves("limits.totp_tries", "limits.totp_tries_per_day")
async def a_limit_on_second_factors(directory: Path, key: str) -> None:
    async with running_parts(directory, {"limits.refusal_seconds": 0.0}) as running:
        await running.call("POST", "/user/totp", json={"password": PASSWORD})

        async def attempts() -> list[int]:
            wrong = [await running.call("POST", "/user/totp/confirm", json={"code": "x"}) for _ in range(3)]
            return [answer.status_code for answer in wrong]

        assert await attempts() == [400, 400, 400]
        running.reload(key, 2)
        assert await attempts() == [400, 400, 429]


@proves("limits.app_passwords_per_user", "limits.tokens_per_user")
async def how_many_a_user_may_have(directory: Path, key: str) -> None:
    path, body = {
        "limits.app_passwords_per_user": ("/user/app-passwords", {"name": "Phone"}),
        "limits.tokens_per_user": ("/user/tokens", {"name": "Robot", "scopes": ["read"]}),
    }[key]
    async with running_parts(directory) as running:
        running.reload(key, 1)
        assert [(await running.call("POST", path, json=body)).status_code for _ in range(2)] == [201, 409]
        running.reload(key, 2)
        assert [(await running.call("POST", path, json=body)).status_code for _ in range(2)] == [201, 409]


@proves("limits.refusal_seconds")
async def the_delay_of_a_refusal(directory: Path, key: str) -> None:
    async with running_parts(directory, {"limits.guesses_per_client": 1}) as running:
        running.reload(key, 0.01)
        statuses = [(await running.call("POST", "/login", json=ADA)).status_code for _ in range(2)]
        assert statuses == [400, 429]
        running.reload(key, 1.5)
        before = trio.current_time()
        await running.call("POST", "/login", json=ADA)
        assert trio.current_time() - before >= 1.5


@proves("limits.room_password_min")
async def the_shortest_password_of_a_room(directory: Path, key: str) -> None:
    body = {**OTHER_ROOM, "password": "short"}
    async with running_parts(directory) as running:
        assert (await running.call("POST", "/room", json=body)).status_code == 201
        running.reload(key, 6)
        assert (await running.call("POST", "/room", json=body)).status_code == 400


@proves("limits.message_chars", "limits.nonce_chars", "limits.fetch_ids")
async def a_limit_of_an_open_websocket(directory: Path, key: str) -> None:
    async def refusals(talk: Talk) -> str:
        await talk.send("message", content="")
        await talk.send("message", content="x", nonce="")
        await talk.send("fetch", from_id=1, to_id=10**6)
        return " ".join([(await talk.receive("error"))["message"] for _ in range(3)])

    async with running_parts(directory) as running, running.talk() as talk:
        assert " 123 " not in await refusals(talk)
        running.reload(key, 123)
        assert " 123 " in await refusals(talk)


@proves("limits.initial_before", "limits.initial_after")
async def the_initial_messages(directory: Path, key: str) -> None:
    name = "ada" if key.endswith("before") else "bob"  # ada has read all, bob nothing
    async with running_parts(directory) as running:
        async with running.talk() as talk:
            for number in range(10):
                await talk.post("text", str(number))
        for count in (10, 3):
            async with running.talk(name) as talk:
                assert len((await talk.receive())["messages"]) == count
            running.reload(key, 2 if name == "ada" else 3)


# --- retention


@proves("retention.keep_days", "retention.keep_messages", "retention.interval_minutes")
async def what_retention_removes(directory: Path, key: str) -> None:
    base = {"retention.interval_minutes": 1000, "retention.keep_messages": 2 if key.endswith("minutes") else 0}
    async with running_parts(directory, base) as running, running.talk() as talk:
        running.nursery.start_soon(running.parts.retention.run, WallClock())
        await wait_all_tasks_blocked(SOON_SECONDS)
        for number in range(5):
            await talk.post("text", str(number))
        with closing(sqlite3.connect(directory / "data")) as db, db:
            db.execute("UPDATE messages SET timestamp = 1.0")
        running.reload(key, 0.001 if key.endswith("minutes") else 2)
        await until_the_log_begins_at(4 if key != "retention.keep_days" else 6, running)
        if key.endswith("minutes"):
            for number in range(5):
                await talk.post("text", f"again {number}")
            await until_the_log_begins_at(9, running)


async def until_the_log_begins_at(first_id: int, running: RunningParts) -> None:
    with trio.fail_after(10):
        while await running.parts.store.messages.first_ids([ROOM]) != [first_id]:  # noqa: ASYNC110 - a store sends no notifications
            await trio.sleep(0.01)


# --- rate limits


async def refused_posts(talk: Talk, count: int) -> int:
    """How many of this many posts at once are refused."""
    for number in range(count):
        await talk.send("message", content="x", nonce=f"{number}")
    return [(await talk.receive())["type"] for _ in range(count)].count("error")


@proves("limits.messages_per_second", "limits.messages_burst")
async def the_rate_of_posts(directory: Path, key: str) -> None:
    by_rate = key.endswith("second")
    base = {"limits.messages_per_second": 0.0 if by_rate else 0.001, "limits.messages_burst": 1 if by_rate else 100}
    async with running_parts(directory, base) as running, running.talk() as talk:
        await talk.receive("initial_state")
        assert await refused_posts(talk, 3) == 0
        running.reload(key, 0.001 if by_rate else 1)
        assert await refused_posts(talk, 3) == 2


@proves("limits.message_bytes_per_second", "limits.message_bytes_burst", "limits.posted_bytes_per_day")
async def the_bytes_of_posts(directory: Path, key: str) -> None:
    base = {"limits.message_bytes_per_second": 1 if key.endswith("burst") else 0}
    async with running_parts(directory, base) as running, running.talk() as talk:
        await talk.receive("initial_state")
        assert (await talk.submit("x" * 3000, "1"))["type"] == "ack"
        running.reload("limits.message_bytes_burst", 1024)
        running.reload(key, 1024 if key.endswith("burst") else 1)
        # The first post finds a full bucket, unless the one before counted already, and leaves it in debt.
        await talk.submit("x" * 3000, "2")
        assert (await talk.submit("x", "3"))["code"] == "rate_limited"


@proves("storage.min_free_bytes")
async def the_free_space_that_posts_need(directory: Path, key: str) -> None:
    async with running_parts(directory) as running, running.talk() as talk:
        await running.nursery.start(running.parts.disk_space.run)
        assert (await talk.submit("x", "before"))["type"] == "ack"
        running.reload(key, 10**15)
        await until(lambda: running.parts.disk_space.is_low)
        assert (await talk.submit("x", "after"))["code"] == "unavailable"


@proves("limits.bad_frames_per_minute")
async def the_rate_of_bad_frames(directory: Path, key: str) -> None:
    async with running_parts(directory) as running, running.talk() as talk:
        for _ in range(5):
            await talk.send("nonsense")
        assert await talk.fetch(1, 0) == []
        running.reload(key, 2)
        for _ in range(3):  # the third closes the socket
            await talk.send("nonsense")
        assert await talk.closed() == (1008, "Too many bad frames")


@proves("limits.posts_in_flight")
async def the_number_of_posts_in_flight(directory: Path, key: str) -> None:
    async with running_parts(directory, scribe=False) as running, running.talk() as talk:
        for _ in range(3):
            await talk.send("message", content="x")
        assert await talk.fetch(1, 0) == []
        running.reload(key, 3)
        await talk.send("fetch", from_id=1, to_id=0)
        await wait_all_tasks_blocked(SOON_SECONDS)
        with trio.move_on_after(SOON_SECONDS) as timeout:
            await talk.receive("fetch_response")
        assert timeout.cancelled_caught
        running.nursery.start_soon(running.parts.scribe.run)
        await talk.receive("fetch_response")


# --- messages in memory, commits


@proves("limits.tail_messages", "limits.tail_bytes")
async def the_messages_in_memory(directory: Path, key: str) -> None:
    async with running_parts(directory) as running, running.talk() as talk:
        for number in range(20):
            await talk.post("x" * 100, str(number))
        assert running.room.log.first_id == 1
        running.reload(key, 4 if key.endswith("messages") else 1024)
        await talk.post("x", "last")
        assert running.room.log.first_id > 15


@proves("limits.catch_up_bytes")
async def the_chunks_for_a_lagging_reader(directory: Path, key: str) -> None:
    async with running_parts(directory) as running, running.talk() as talk:
        for number in range(20):
            await talk.post("x" * 100, str(number))
        running.reload(key, 1024)
        behind = FakeSocket(space=0)
        (await running.parts.hub.enter(ROOM, connection := connect(behind))).listen(connection, 1)
        await until(lambda: behind.waiting)
        assert 0 < len(behind.waiting) <= 1024
        running.parts.hub.leave(ROOM, connection)


@proves("limits.all_tails_bytes")
async def the_messages_in_memory_of_all_rooms(directory: Path, key: str) -> None:
    async with running_parts(directory) as running, running.talk() as talk:
        for number in range(20):
            await talk.post("x" * 100, str(number))
        await running.parts.rooms.create(ADMINISTRATOR, "ada", "Other", "", None, "other")
        running.reload(key, 1024)
        await running.parts.hub.enter("other", connection := connect(FakeSocket()))
        assert running.room.log.size == 0
        running.parts.hub.leave("other", connection)


@proves("limits.stalled_bytes")
async def the_bytes_that_stalled_readers_hold(directory: Path, key: str) -> None:
    async with running_parts(directory) as running, running.talk() as talk:
        for number in range(20):
            await talk.post("x" * 100, str(number))
        behind = FakeSocket(space=0)
        (await running.parts.hub.enter(ROOM, connection := connect(behind))).listen(connection, 1)
        await until(lambda: behind.waiting)
        running.reload(key, 1000)
        await until(lambda: connection.closing)
        assert connection.closing == SLOW_READER
        running.parts.hub.leave(ROOM, connection)


@proves("limits.commit_posts")
async def the_size_of_a_commit(directory: Path, key: str) -> None:
    async with running_parts(directory, scribe=False) as running, running.talk() as talk:
        commits: list[int] = []
        commit = running.parts.store.messages.commit

        async def counted(posts: Any, marks: Any, changes: Any) -> Any:  # noqa: ANN401 - passed on
            commits.append(len(posts))
            return await commit(posts, marks, changes)

        running.parts.store.messages.commit = counted  # type: ignore[method-assign, assignment]
        for number in range(6):
            await talk.send("message", content="x", nonce=str(number))
        assert await talk.fetch(1, 0) == []
        running.reload(key, 2)
        running.nursery.start_soon(running.parts.scribe.run)
        for _ in range(6):
            await talk.receive("ack")
        assert commits == [2, 2, 2]


@proves("limits.commit_interval_seconds")
async def the_interval_of_commits(directory: Path, key: str) -> None:
    async with running_parts(directory, scribe=False) as running, running.talk() as talk:
        began: list[float] = []
        commit = running.parts.store.messages.commit

        async def timed(posts: Any, marks: Any, changes: Any) -> Any:  # noqa: ANN401 - passed on
            began.append(trio.current_time())
            if len(began) == 1:
                running.parts.scribe.mark_read(ROOM, "nobody", 1)  # so that another follows
            return await commit(posts, marks, changes)

        running.parts.store.messages.commit = timed  # type: ignore[method-assign, assignment]
        running.reload(key, 0.5)
        running.nursery.start_soon(running.parts.scribe.run)
        await talk.post("x", "n")
        await running.parts.scribe.drained()
        assert 0.5 <= began[1] - began[0] < 5
