"""Initial state, fetch, read marks and listening, frame by frame."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.client import Person, Talk, crowd, open_room
from tests.process import DaemonProcess

FOREVER = 2**63


async def write(talk: Talk, count: int) -> int:
    """Posts so many messages; the id of the last."""
    for number in range(count - 1):
        await talk.send("message", content=f"text {number}")
    return await talk.post("the last", secrets.token_hex(8))


@asynccontextmanager
async def written(daemon: DaemonProcess, count: int) -> AsyncIterator[tuple[str, Person, Talk]]:
    """A room with so many messages, a member who has read none of them, and the author's socket."""
    async with crowd(daemon, 2) as (author, reader):
        room_id = await open_room(author, reader)
        async with author.talk(room_id) as writer:
            assert (await writer.receive())["type"] == "initial_state"
            if count:
                assert await write(writer, count) == count
            yield room_id, reader, writer


def ids(messages: list[dict[str, Any]]) -> list[int]:
    return [message["message_id"] for message in messages]


def span(first: int, last: int) -> list[int]:
    return list(range(first, last + 1))


async def fence(talk: Talk) -> list[dict[str, Any]]:
    """Everything that has come until the server has taken all frames sent so far."""
    await talk.send("fetch", from_id=1, to_id=0)
    *before, answer = await talk.receive_to("fetch_response")
    assert answer | {"last_id": 0} == {"type": "fetch_response", "messages": [], "last_id": 0}
    return before


async def test_initial_state_follows_the_read_mark(daemon: DaemonProcess) -> None:
    async with written(daemon, 200) as (room_id, reader, _):
        marks = [0, 1, 29, 30, 31, 32, 100, 149, 150, 151, 199, 200]
        for mark in marks:
            async with reader.talk(room_id) as talk:
                await talk.receive("initial_state")
                await talk.send("set_last_read", message_id=mark)
            # Anew at once: the mark may be on its way to the store still.
            async with reader.talk(room_id) as talk:
                state = await talk.receive()
                assert set(state) == {"type", "last_read_id", "messages", "last_id"}
                assert state["last_id"] == 200
                assert (state["type"], state["last_read_id"]) == ("initial_state", mark)
                assert ids(state["messages"]) == span(max(1, mark - 30), min(200, mark + 50))


async def test_the_read_mark_moves_forward_only(daemon: DaemonProcess) -> None:
    async with written(daemon, 10) as (room_id, reader, writer):
        for asked, expected in ((4, 4), (2, 4), (-1, 4), (0, 4), (11, 10), (FOREVER - 1, 10), (3, 10)):
            async with reader.talk(room_id) as talk:
                await talk.send("set_last_read", message_id=asked)
                await fence(talk)
                async with reader.talk(room_id) as another:
                    assert (await another.receive())["last_read_id"] == expected, asked
        # Clamped, it does not run ahead of what comes later: of the first message at the most, written together with it.
        marks = []
        for count in (1, 5):
            await write(writer, count)
            async with reader.talk(room_id) as talk:
                marks.append((await talk.receive())["last_read_id"])
        assert marks[0] == marks[1] <= 11


async def test_what_one_writes_one_has_read(daemon: DaemonProcess) -> None:
    async with written(daemon, 60) as (room_id, reader, _):
        async with reader.talk(room_id) as talk:
            assert (await talk.receive())["last_read_id"] == 0
            assert await talk.post("mine", "n") == 61
        async with reader.talk(room_id) as talk:
            state = await talk.receive()
            assert state["last_read_id"] == 61
            assert ids(state["messages"]) == span(31, 61)


async def test_fetch(daemon: DaemonProcess) -> None:
    async with written(daemon, 1100) as (room_id, reader, _), reader.talk(room_id) as talk:
        for from_id, to_id, expected in (
            (1, 1, [1]),
            (3, 5, [3, 4, 5]),
            (5, 3, []),
            (0, 0, []),
            (-7, -3, []),
            (-5, 3, [1, 2, 3]),
            (0, 2, [1, 2]),
            (1099, 1200, [1099, 1100]),
            (1101, 1101, []),
            (5000, 5999, []),
            (1, 1000, span(1, 1000)),
            (101, 1100, span(101, 1100)),
            (1100, 2099, [1100]),
            (FOREVER - 1000, FOREVER - 1, []),
            (1 - FOREVER, 900 - FOREVER, []),
            (FOREVER - 1, -FOREVER, []),
        ):
            assert ids(await talk.fetch(from_id, to_id)) == expected, (from_id, to_id)


@pytest.mark.parametrize(
    ("from_id", "to_id"), [(1, 1001), (0, 1000), (-FOREVER, FOREVER - 1), (1, FOREVER - 1), (5000, 6000)]
)
async def test_fetch_of_too_much_is_an_error(daemon: DaemonProcess, from_id: int, to_id: int) -> None:
    async with written(daemon, 3) as (room_id, reader, _), reader.talk(room_id) as talk:
        await talk.receive("initial_state")
        await talk.send("fetch", from_id=from_id, to_id=to_id)
        error = await talk.receive()
        assert (error["type"], error["code"]) == ("error", "fetch_too_large")
        assert error["message"]
        assert ids(await talk.fetch(1, 1000)) == [1, 2, 3]


@pytest.mark.parametrize("number", [FOREVER, 2**64, 2**200, -(2**64), 10**400])
async def test_ids_beyond_64_bits(daemon: DaemonProcess, number: int) -> None:
    """They are answered, by nothing or by an error, and do no harm."""
    async with written(daemon, 3) as (room_id, reader, _), reader.talk(room_id) as talk:
        await talk.receive("initial_state")
        await talk.send("fetch", from_id=number, to_id=number)
        answer = await talk.receive()
        assert answer.get("messages") == [] or answer["type"] == "error"
        await talk.send("set_last_read", message_id=number)
        await talk.send("listen_latest", after_id=number)
        assert {frame["type"] for frame in await fence(talk)} <= {"error", "latest_message"}
        assert ids(await talk.fetch(1, 3)) == [1, 2, 3]
        async with reader.talk(room_id) as again:
            assert (await again.receive())["last_read_id"] <= 3


async def test_a_client_far_behind_is_told_the_end_of_the_log(daemon: DaemonProcess) -> None:
    async with written(daemon, 300) as (room_id, reader, writer), reader.talk(room_id) as talk:
        assert (await talk.receive("initial_state"))["last_id"] == 300
        assert await write(writer, 1) == 301
        await talk.send("fetch", from_id=100, to_id=101)
        answer = await talk.receive("fetch_response")
        assert (ids(answer["messages"]), answer["last_id"]) == ([100, 101], 301)
        await talk.send("fetch", from_id=0, to_id=0)  # the shortest way to ask
        assert await talk.receive("fetch_response") == {"type": "fetch_response", "messages": [], "last_id": 301}
        await talk.send("listen_latest", after_id=answer["last_id"])
        assert await write(writer, 2) == 303
        assert ids(await talk.latest(2)) == [302, 303]


@pytest.mark.parametrize("request_name", ["", "7", "[{", "\U0001f600" * 64])
async def test_a_fetch_is_answered_under_its_name(daemon: DaemonProcess, request_name: str) -> None:
    async with written(daemon, 3) as (room_id, reader, _), reader.talk(room_id) as talk:
        await talk.receive("initial_state")
        await talk.send("fetch", from_id=2, to_id=3, request=request_name)
        await talk.send("fetch", from_id=1, to_id=1001, request=request_name)
        await talk.send("fetch", from_id=1, to_id=1)
        named, refused, nameless = [await talk.receive() for _ in range(3)]
        assert (ids(named["messages"]), named["request"], named["last_id"]) == ([2, 3], request_name, 3)
        assert (refused["code"], refused["request"]) == ("fetch_too_large", request_name)
        assert "nonce" not in refused
        assert nameless == {"type": "fetch_response", "messages": nameless["messages"], "last_id": 3}


async def test_the_name_of_a_fetch_has_a_limit(daemon: DaemonProcess) -> None:
    async with written(daemon, 0) as (room_id, reader, _), reader.talk(room_id) as talk:
        await talk.receive("initial_state")
        await talk.send("fetch", from_id=1, to_id=1, request="x" * 65)
        error = await talk.receive()
        assert error == {"type": "error", "code": "bad_frame", "message": "A request has at most 64 characters"}


async def test_listening_resumes_after_an_initial_state_that_reached_the_end(daemon: DaemonProcess) -> None:
    async with written(daemon, 50) as (room_id, reader, writer), reader.talk(room_id) as talk:
        assert ids((await talk.receive())["messages"]) == span(1, 50)
        assert await write(writer, 3) == 53
        await talk.send("listen_latest")
        assert ids(await talk.latest(3)) == [51, 52, 53]
        assert await write(writer, 2) == 55
        assert ids(await talk.latest(2)) == [54, 55]


async def test_listening_to_an_empty_room_resumes_at_its_beginning(daemon: DaemonProcess) -> None:
    async with written(daemon, 0) as (room_id, reader, writer), reader.talk(room_id) as talk:
        await talk.receive("initial_state")
        assert await write(writer, 2) == 2
        await talk.send("listen_latest")
        assert ids(await talk.latest(2)) == [1, 2]


async def test_listening_after_less_than_the_end_is_from_now_on(daemon: DaemonProcess) -> None:
    async with written(daemon, 51) as (room_id, reader, writer), reader.talk(room_id) as talk:
        assert ids((await talk.receive())["messages"]) == span(1, 50)
        await talk.send("listen_latest")
        assert await fence(talk) == []
        assert await write(writer, 2) == 53
        assert ids(await talk.latest(2)) == [52, 53]


async def test_listening_resumes_after_a_fetch_that_reached_the_end(daemon: DaemonProcess) -> None:
    async with written(daemon, 200) as (room_id, reader, writer):
        for from_id, to_id, end in ((190, 200, 200), (150, 1000, 204), (209, 209, 208)):
            async with reader.talk(room_id) as talk:
                assert ids(await talk.fetch(from_id, to_id)) == span(from_id, end)
                assert await write(writer, 4) == end + 4
                await talk.send("listen_latest")
                assert ids(await talk.latest(4)) == span(end + 1, end + 4)


async def test_the_last_answer_decides_where_listening_resumes(daemon: DaemonProcess) -> None:
    async with written(daemon, 20) as (room_id, reader, writer), reader.talk(room_id) as talk:
        assert ids((await talk.receive())["messages"]) == span(1, 20)
        assert ids(await talk.fetch(1, 19)) == span(1, 19)  # short of the end
        assert await write(writer, 1) == 21
        await talk.send("listen_latest")
        assert await fence(talk) == []
        assert await write(writer, 1) == 22
        assert ids(await talk.latest(1)) == [22]


@pytest.mark.parametrize(
    ("after_id", "first"), [(0, 1), (-5, 1), (7, 8), (299, 300), (300, 301), (301, 301), (FOREVER - 1, 301)]
)
async def test_listening_after_an_id(daemon: DaemonProcess, after_id: int, first: int) -> None:
    async with written(daemon, 300) as (room_id, reader, writer), reader.talk(room_id) as talk:
        await talk.receive("initial_state")
        await talk.send("listen_latest", after_id=after_id)
        assert ids(await talk.latest(301 - first)) == span(first, 300)
        assert await fence(talk) == []
        assert await write(writer, 2) == 302
        assert ids(await talk.latest(2)) == [301, 302]


async def test_listening_twice_repeats_nothing(daemon: DaemonProcess) -> None:
    async with written(daemon, 5) as (room_id, reader, writer), reader.talk(room_id) as talk:
        await talk.receive("initial_state")
        await talk.send("listen_latest")
        assert await write(writer, 3) == 8
        await talk.send("listen_latest")
        await talk.send("listen_latest", after_id=None)
        assert ids(await talk.latest(3)) == [6, 7, 8]
        assert ids(await talk.fetch(1, 8)) == span(1, 8)
        await talk.send("listen_latest")
        assert await fence(talk) == []
        assert await write(writer, 1) == 9
        assert ids(await talk.latest(1)) == [9]
        await talk.send("listen_latest", after_id=6)  # asked for by number, they come again
        assert ids(await talk.latest(3)) == [7, 8, 9]


async def test_those_who_do_not_listen_hear_nothing(daemon: DaemonProcess) -> None:
    async with (
        written(daemon, 0) as (room_id, reader, writer),
        reader.talk(room_id) as deaf,
        reader.talk(room_id) as listener,
    ):
        await listener.send("listen_latest")
        await fence(listener)
        await deaf.receive("initial_state")
        assert await write(writer, 3) == 3
        assert ids(await listener.latest(3)) == [1, 2, 3]
        assert await fence(deaf) == []
        assert await fence(writer) == []
        assert await deaf.post("I can speak", "n") == 4
        assert await fence(deaf) == []
        assert ids(await listener.latest(1)) == [4]


async def test_the_list_of_rooms_says_how_far_each_is_read(daemon: DaemonProcess) -> None:
    async with written(daemon, 5) as (room_id, reader, _):
        async with reader.talk(room_id) as talk:
            await talk.receive("initial_state")
            await talk.send("set_last_read", message_id=3)
        empty = await open_room(reader)
        async with reader.talk(room_id) as talk:
            assert (await talk.receive("initial_state"))["last_read_id"] == 3
        listed = {room["room_id"]: room for room in (await reader.call("GET", "/joined"))["rooms"]}
        assert (listed[room_id]["last_read_id"], listed[room_id]["last_id"]) == (3, 5)
        assert not listed[empty].keys() & {"last_read_id", "last_id"}
