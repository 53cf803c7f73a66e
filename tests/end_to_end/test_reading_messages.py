"""Initial state, fetch, read marks and listening, frame by frame."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.client import Person, Talk, id_range, message_ids, open_room, plain, registered_users
from tests.process import DaemonProcess

TOO_LARGE = 2**63
"""The first id that a signed 64-bit integer does not hold."""


@asynccontextmanager
async def room_with(daemon: DaemonProcess, count: int) -> AsyncIterator[tuple[str, Person, Talk]]:
    """Yields a room with `count` messages, a member who has read none of them, and the author's socket."""
    async with registered_users(daemon, 2) as (author, reader):
        room_id = await open_room(author, reader)
        async with author.talk(room_id) as writer:
            assert (await writer.receive())["type"] == "initial_state"
            if count:
                assert await writer.post_many(count) == count
            yield room_id, reader, writer


async def test_initial_state_follows_the_read_mark(daemon: DaemonProcess) -> None:
    async with room_with(daemon, 200) as (room_id, reader, _):
        marks = [0, 1, 29, 30, 31, 32, 100, 149, 150, 151, 199, 200]
        for mark in marks:
            async with reader.talk(room_id) as talk:
                await talk.receive("initial_state")
                await talk.send("set_last_read", message_id=mark)
            # A new socket at once: the mark may not be stored yet.
            async with reader.talk(room_id) as talk:
                state = await talk.receive()
                assert set(plain(state)) == {"type", "last_read_id", "messages", "last_id"}
                assert state["last_id"] == 200
                assert (state["type"], state["last_read_id"]) == ("initial_state", mark)
                assert message_ids(state["messages"]) == id_range(max(1, mark - 30), min(200, mark + 50))


async def test_the_read_mark_moves_forward_only(daemon: DaemonProcess) -> None:
    async with room_with(daemon, 10) as (room_id, reader, writer):
        for asked, expected in ((4, 4), (2, 4), (-1, 4), (0, 4), (11, 10), (TOO_LARGE - 1, 10), (3, 10)):
            async with reader.talk(room_id) as talk:
                await talk.send("set_last_read", message_id=asked)
                await talk.synchronise()
                async with reader.talk(room_id) as another:
                    assert (await another.receive())["last_read_id"] == expected, asked
        # A mark past the end stays at the end as it was, or at the first of the messages posted together with it.
        marks = []
        for count in (1, 5):
            await writer.post_many(count)
            async with reader.talk(room_id) as talk:
                marks.append((await talk.receive())["last_read_id"])
        assert marks[0] == marks[1] <= 11


async def test_posting_moves_the_read_mark(daemon: DaemonProcess) -> None:
    async with room_with(daemon, 60) as (room_id, reader, _):
        async with reader.talk(room_id) as talk:
            assert (await talk.receive())["last_read_id"] == 0
            assert await talk.post("mine", "n") == 61
        async with reader.talk(room_id) as talk:
            state = await talk.receive()
            assert state["last_read_id"] == 61
            assert message_ids(state["messages"]) == id_range(31, 61)


async def test_fetch(daemon: DaemonProcess) -> None:
    async with room_with(daemon, 1100) as (room_id, reader, _), reader.talk(room_id) as talk:
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
            (1, 1000, id_range(1, 1000)),
            (101, 1100, id_range(101, 1100)),
            (1100, 2099, [1100]),
            (TOO_LARGE - 1000, TOO_LARGE - 1, []),
            (1 - TOO_LARGE, 900 - TOO_LARGE, []),
            (TOO_LARGE - 1, -TOO_LARGE, []),
        ):
            assert message_ids(await talk.fetch(from_id, to_id)) == expected, (from_id, to_id)


@pytest.mark.parametrize(
    ("from_id", "to_id"), [(1, 1001), (0, 1000), (-TOO_LARGE, TOO_LARGE - 1), (1, TOO_LARGE - 1), (5000, 6000)]
)
async def test_fetch_of_too_much_is_an_error(daemon: DaemonProcess, from_id: int, to_id: int) -> None:
    async with room_with(daemon, 3) as (room_id, reader, _), reader.talk(room_id) as talk:
        await talk.receive("initial_state")
        await talk.send("fetch", from_id=from_id, to_id=to_id)
        error = await talk.receive()
        assert (error["type"], error["code"]) == ("error", "fetch_too_large")
        assert error["message"]
        assert message_ids(await talk.fetch(1, 1000)) == [1, 2, 3]


@pytest.mark.parametrize("number", [TOO_LARGE, 2**64, 2**200, -(2**64), 10**400])
async def test_ids_beyond_64_bits(daemon: DaemonProcess, number: int) -> None:
    """The answer is empty or an error, and the socket stays usable."""
    async with room_with(daemon, 3) as (room_id, reader, _), reader.talk(room_id) as talk:
        await talk.receive("initial_state")
        await talk.send("fetch", from_id=number, to_id=number)
        answer = await talk.receive()
        assert answer.get("messages") == [] or answer["type"] == "error"
        await talk.send("set_last_read", message_id=number)
        await talk.send("listen_latest", after_id=number)
        assert {frame["type"] for frame in await talk.synchronise()} <= {"error", "latest_message"}
        assert message_ids(await talk.fetch(1, 3)) == [1, 2, 3]
        async with reader.talk(room_id) as again:
            assert (await again.receive())["last_read_id"] <= 3


async def test_answers_have_the_end_of_the_log(daemon: DaemonProcess) -> None:
    async with room_with(daemon, 300) as (room_id, reader, writer), reader.talk(room_id) as talk:
        assert (await talk.receive("initial_state"))["last_id"] == 300
        assert await writer.post_many(1) == 301
        await talk.send("fetch", from_id=100, to_id=101)
        answer = await talk.receive("fetch_response")
        assert (message_ids(answer["messages"]), answer["last_id"]) == ([100, 101], 301)
        await talk.send("fetch", from_id=0, to_id=0)  # the shortest question for it
        assert plain(await talk.receive("fetch_response")) == {"type": "fetch_response", "messages": [], "last_id": 301}
        await talk.send("listen_latest", after_id=answer["last_id"])
        assert await writer.post_many(2) == 303
        assert await talk.latest_ids(2) == [302, 303]


@pytest.mark.parametrize("request_name", ["", "7", "[{", "\U0001f600" * 64])
async def test_an_answer_repeats_the_request(daemon: DaemonProcess, request_name: str) -> None:
    async with room_with(daemon, 3) as (room_id, reader, _), reader.talk(room_id) as talk:
        await talk.receive("initial_state")
        await talk.send("fetch", from_id=2, to_id=3, request=request_name)
        await talk.send("fetch", from_id=1, to_id=1001, request=request_name)
        await talk.send("fetch", from_id=1, to_id=1)
        named, refused, nameless = [await talk.receive() for _ in range(3)]
        assert (message_ids(named["messages"]), named["request"], named["last_id"]) == ([2, 3], request_name, 3)
        assert (refused["code"], refused["request"]) == ("fetch_too_large", request_name)
        assert "nonce" not in refused
        assert plain(nameless) == {"type": "fetch_response", "messages": nameless["messages"], "last_id": 3}


async def test_the_length_of_a_request_is_limited(daemon: DaemonProcess) -> None:
    async with room_with(daemon, 0) as (room_id, reader, _), reader.talk(room_id) as talk:
        await talk.receive("initial_state")
        await talk.send("fetch", from_id=1, to_id=1, request="x" * 65)
        error = await talk.receive()
        assert error == {"type": "error", "code": "bad_frame", "message": "A request has at most 64 characters"}


async def test_listening_resumes_after_an_initial_state_that_reaches_the_end(daemon: DaemonProcess) -> None:
    async with room_with(daemon, 50) as (room_id, reader, writer), reader.talk(room_id) as talk:
        assert message_ids((await talk.receive())["messages"]) == id_range(1, 50)
        assert await writer.post_many(3) == 53
        await talk.send("listen_latest")
        assert await talk.latest_ids(3) == [51, 52, 53]
        assert await writer.post_many(2) == 55
        assert await talk.latest_ids(2) == [54, 55]


async def test_listening_to_an_empty_room_starts_at_the_first_message(daemon: DaemonProcess) -> None:
    async with room_with(daemon, 0) as (room_id, reader, writer), reader.talk(room_id) as talk:
        await talk.receive("initial_state")
        assert await writer.post_many(2) == 2
        await talk.send("listen_latest")
        assert await talk.latest_ids(2) == [1, 2]


async def test_listening_after_a_short_initial_state_starts_at_the_next_message(daemon: DaemonProcess) -> None:
    async with room_with(daemon, 51) as (room_id, reader, writer), reader.talk(room_id) as talk:
        assert message_ids((await talk.receive())["messages"]) == id_range(1, 50)
        await talk.send("listen_latest")
        assert await talk.synchronise() == []
        assert await writer.post_many(2) == 53
        assert await talk.latest_ids(2) == [52, 53]


async def test_listening_resumes_after_a_fetch_that_reaches_the_end(daemon: DaemonProcess) -> None:
    async with room_with(daemon, 200) as (room_id, reader, writer):
        for from_id, to_id, end in ((190, 200, 200), (150, 1000, 204), (209, 209, 208)):
            async with reader.talk(room_id) as talk:
                assert message_ids(await talk.fetch(from_id, to_id)) == id_range(from_id, end)
                assert await writer.post_many(4) == end + 4
                await talk.send("listen_latest")
                assert await talk.latest_ids(4) == id_range(end + 1, end + 4)


async def test_the_last_answer_decides_where_listening_resumes(daemon: DaemonProcess) -> None:
    async with room_with(daemon, 20) as (room_id, reader, writer), reader.talk(room_id) as talk:
        assert message_ids((await talk.receive())["messages"]) == id_range(1, 20)
        assert message_ids(await talk.fetch(1, 19)) == id_range(1, 19)  # short of the end
        assert await writer.post_many(1) == 21
        await talk.send("listen_latest")
        assert await talk.synchronise() == []
        assert await writer.post_many(1) == 22
        assert await talk.latest_ids(1) == [22]


@pytest.mark.parametrize(
    ("after_id", "first"), [(0, 1), (-5, 1), (7, 8), (299, 300), (300, 301), (301, 301), (TOO_LARGE - 1, 301)]
)
async def test_listening_after_an_id(daemon: DaemonProcess, after_id: int, first: int) -> None:
    async with room_with(daemon, 300) as (room_id, reader, writer), reader.talk(room_id) as talk:
        await talk.receive("initial_state")
        await talk.send("listen_latest", after_id=after_id)
        assert await talk.latest_ids(301 - first) == id_range(first, 300)
        assert await talk.synchronise() == []
        assert await writer.post_many(2) == 302
        assert await talk.latest_ids(2) == [301, 302]


async def test_listening_twice_repeats_nothing(daemon: DaemonProcess) -> None:
    async with room_with(daemon, 5) as (room_id, reader, writer), reader.talk(room_id) as talk:
        await talk.receive("initial_state")
        await talk.send("listen_latest")
        assert await writer.post_many(3) == 8
        await talk.send("listen_latest")
        await talk.send("listen_latest", after_id=None)
        assert await talk.latest_ids(3) == [6, 7, 8]
        assert message_ids(await talk.fetch(1, 8)) == id_range(1, 8)
        await talk.send("listen_latest")
        assert await talk.synchronise() == []
        assert await writer.post_many(1) == 9
        assert await talk.latest_ids(1) == [9]
        await talk.send("listen_latest", after_id=6)  # an explicit id repeats messages
        assert await talk.latest_ids(3) == [7, 8, 9]


async def test_a_socket_that_does_not_listen_receives_no_messages(daemon: DaemonProcess) -> None:
    async with (
        room_with(daemon, 0) as (room_id, reader, writer),
        reader.talk(room_id) as idle,
        reader.talk(room_id) as listener,
    ):
        await listener.send("listen_latest")
        await listener.synchronise()
        await idle.receive("initial_state")
        assert await writer.post_many(3) == 3
        assert await listener.latest_ids(3) == [1, 2, 3]
        assert await idle.synchronise() == []
        assert await writer.synchronise() == []
        assert await idle.post("I can post", "n") == 4
        assert await idle.synchronise() == []
        assert await listener.latest_ids(1) == [4]


async def test_the_list_of_rooms_has_the_read_marks(daemon: DaemonProcess) -> None:
    async with room_with(daemon, 5) as (room_id, reader, _):
        async with reader.talk(room_id) as talk:
            await talk.receive("initial_state")
            await talk.send("set_last_read", message_id=3)
        empty = await open_room(reader)
        async with reader.talk(room_id) as talk:
            assert (await talk.receive("initial_state"))["last_read_id"] == 3
        listed = {room["room_id"]: room for room in (await reader.call("GET", "/joined"))["rooms"]}
        assert (listed[room_id]["last_read_id"], listed[room_id]["last_id"]) == (3, 5)
        assert not listed[empty].keys() & {"last_read_id", "last_id"}
