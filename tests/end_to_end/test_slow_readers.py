"""Readers that do not read: they lose nothing, delay no other reader, and are closed when it lasts too long."""

from pathlib import Path
from typing import Any

import trio

from tests.client import Talk, id_range, open_room, registered_users
from tests.end_to_end.conftest import FREE, NARROW, TINY
from tests.mail.server import until
from tests.process import DaemonProcess, running

COUNT = 400
SIZE = 1000
"""Characters of each message. COUNT of them are far more than the kernel keeps for a reader with a small buffer."""

BEFORE_PING_SECONDS = 15.0
"""Shorter than limits.ping_seconds, 20 by default."""


async def write(talk: Talk, count: int = COUNT, size: int = SIZE) -> None:
    for number in range(count):
        await talk.send("message", content=f"{number} " + "x" * size)


async def check_readers_that_resume(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        async with (
            ada.talk(room_id) as writer,
            bob.slow_talk(room_id) as one,
            bob.slow_talk(room_id) as two,
            bob.talk(room_id) as quick,
        ):
            for talk in (one, two, quick):
                await talk.start_listening()
            everything = id_range(1, COUNT)
            await write(writer)
            # The slow sockets read nothing during this.
            assert await quick.latest_ids(COUNT) == everything
            assert await one.latest_ids(COUNT // 2) == everything[: COUNT // 2]
            await write(writer)
            assert await quick.latest_ids(COUNT) == id_range(COUNT + 1, 2 * COUNT)
            assert await one.latest_ids(3 * COUNT // 2) == id_range(COUNT // 2 + 1, 2 * COUNT)
            assert await two.latest_ids(2 * COUNT) == id_range(1, 2 * COUNT)
            # All readers have caught up.
            await write(writer, 1)
            for talk in (one, two, quick):
                assert await talk.latest_ids(1) == [2 * COUNT + 1]


async def test_a_reader_that_resumes_has_lost_nothing(daemon: DaemonProcess) -> None:
    await check_readers_that_resume(daemon)


async def test_a_reader_that_resumes_gets_the_rest_from_the_store(tmp_path: Path, storage: dict[str, str]) -> None:
    async with running(tmp_path, **storage, **FREE, **TINY) as daemon:
        await check_readers_that_resume(daemon)


async def test_a_slow_writer_gets_all_its_answers(daemon: DaemonProcess) -> None:
    """Acks and messages each arrive in order, although the socket reads nothing until it has posted everything."""
    async with registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        async with ada.slow_talk(room_id) as talk:
            await talk.start_listening()
            for number in range(1, 201):
                await talk.send("message", content=f"{number} " + "x" * SIZE, nonce=str(number))
            acks: list[dict[str, Any]] = []
            messages: list[int] = []
            while len(acks) < 200 or len(messages) < 200:
                frame = await talk.receive()
                if frame["type"] == "ack":
                    acks.append(frame)
                else:
                    messages.append(frame["message"]["message_id"])
            numbers = range(1, 201)
            assert acks == [{"type": "ack", "nonce": str(number), "message_id": number} for number in numbers]
            assert messages == list(numbers)


async def test_a_reader_that_never_resumes_is_closed(tmp_path: Path, storage: dict[str, str]) -> None:
    # On a busy machine the quick reader too may pause for a second or two.
    limits = {"REICHATD_LIMITS_SLOW_READER_SECONDS": "4", "REICHATD_LIMITS_CLOSE_SECONDS": "0.5"}
    async with (
        running(tmp_path, **storage, **FREE, **NARROW, **limits) as daemon,
        registered_users(daemon, 2) as (ada, bob),
    ):
        room_id = await open_room(ada, bob)
        async with ada.talk(room_id) as writer, bob.slow_talk(room_id) as stuck, bob.talk(room_id) as quick:
            for talk in (stuck, quick):
                await talk.start_listening()
            await write(writer)
            assert await quick.latest_ids(COUNT) == id_range(1, COUNT)
            await until(lambda: "slow reader closed" in daemon.output)
            assert await writer.post("Without that reader", "n") == COUNT + 1
            assert await quick.latest_ids(1) == [COUNT + 1]
            frames, code, _ = await stuck.rest()
            heard = [frame["message"]["message_id"] for frame in frames]
            assert heard == id_range(1, len(heard))
            assert len(heard) < COUNT
            assert code in {1013, 1006}  # 1006: the buffers had no room for the close frame
            # The client connects again and gets the rest.
            async with bob.talk(room_id) as again:
                await again.send("listen_latest", after_id=len(heard))
                assert await again.latest_ids(COUNT + 1 - len(heard)) == id_range(len(heard) + 1, COUNT + 1)


async def test_the_last_message_is_flushed_without_a_further_one(daemon: DaemonProcess) -> None:
    """For any free space that the socket buffer had when the message was sent, and long before a ping could flush it."""
    async with registered_users(daemon, 1) as (ada,):
        for count in range(1, 12):
            room_id = await open_room(ada)
            with trio.fail_after(BEFORE_PING_SECONDS):
                async with ada.talk(room_id) as writer, ada.slow_talk(room_id) as slow:
                    await slow.start_listening()
                    for number in range(count):
                        await writer.post("\x01" * 4990 + "!", f"{number}")  # six bytes per character, in JSON
                    assert await slow.latest_ids(count) == id_range(1, count)
