"""Mutes and slow mode, on sockets of real daemons."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import trio

from tests.client import Person, Talk, id_range, open_room, registered_users
from tests.end_to_end.conftest import FREE, QUICK, stored_in_mongodb
from tests.end_to_end.recorded_history import whole_log
from tests.process import DaemonProcess, running
from tests.several_daemons import SECRET, through


async def refused(talk: Talk, content: str) -> dict[str, Any]:
    """Posts a message, which must be refused; returns the error."""
    await talk.send("message", content=content, nonce=content)
    error = await talk.receive()
    assert (error["type"], error["nonce"]) == ("error", content)
    return error


async def test_a_mute_and_slow_mode(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 3) as (ada, bob, eve):
        room_id = await open_room(ada, bob, eve)
        path = f"/room/{room_id}"
        await ada.call("PUT", f"{path}/moderators/{bob.user_id}")
        async with ada.talk(room_id) as of_ada, bob.talk(room_id) as of_bob, eve.talk(room_id) as talk:
            await talk.receive("initial_state")
            assert await talk.post("hello", "1") == 1
            await bob.call("PUT", f"{path}/mute/{eve.user_id}", seconds=60)
            error = await refused(talk, "muted")
            assert (error["code"], error["message"]) == ("muted", "You are muted in this room")
            left = datetime.fromisoformat(error["until"]) - datetime.now(UTC)
            assert 0 < left.total_seconds() <= 60
            assert await talk.post("hello", "1") == 1, "what is stored is acknowledged again"
            await bob.call("PUT", f"{path}/mute/{eve.user_id}", seconds=None)

            await ada.call("PUT", path, name="Garden", description="", slow_seconds=600)
            assert await talk.post("after the mute", "2") == 2
            error = await refused(talk, "too soon")
            assert error["code"] == "rate_limited"
            assert 0 < error["retry_after"] <= 600
            for by in (of_ada, of_bob):
                await by.post("first", "first")
                await by.post("second", "second")
            await ada.call("PUT", path, name="Garden", description="", slow_seconds=0)
            assert await talk.post("too soon", "too soon") == 7


async def test_a_mute_while_posts_wait(daemon: DaemonProcess) -> None:
    """Of the posts that wait for their commit, those are stored whose commit was before the mute."""
    async with registered_users(daemon, 2) as (ada, eve):
        room_id = await open_room(ada, eve)
        async with ada.talk(room_id) as quiet, eve.talk(room_id) as loud, trio.open_nursery() as nursery:
            await loud.receive("initial_state")
            answers: list[dict[str, Any]] = []
            nursery.start_soon(post_until_refused, loud, answers)
            await quiet.send("listen_latest", after_id=0)
            await quiet.latest(5)
            await ada.call("PUT", f"/room/{room_id}/mute/{eve.user_id}", seconds=3600)
            silence = await quiet.post("Silence", "s")
        acks = [each["message_id"] for each in answers if each["type"] == "ack"]
        assert acks == id_range(1, silence - 1)
        assert [each.get("code") for each in answers] == [None] * len(acks) + ["muted"] * (len(answers) - len(acks))
        async with ada.talk(room_id) as talk:
            assert [one.user_id for one in await whole_log(talk)] == [eve.user_id] * len(acks) + [ada.user_id]


async def post_until_refused(talk: Talk, answers: list[dict[str, Any]]) -> None:
    """Posts, with 20 posts at a time that wait; returns when one was refused and all are answered."""
    sent = 0
    while sent == 0 or len(answers) < sent:
        while sent < len(answers) + 20 and all(each["type"] == "ack" for each in answers[-20:]):
            await talk.send("message", content="Hear me", nonce=str(sent))
            sent += 1
        answers.append(await talk.receive())


async def test_what_moderators_delete_and_pin_is_in_the_audit_log(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 3) as (ada, bob, eve):
        room_id = await open_room(ada, bob, eve)
        await ada.call("PUT", f"/room/{room_id}/moderators/{bob.user_id}")
        async with eve.talk(room_id) as of_eve, bob.talk(room_id) as talk:
            for talker, count in ((of_eve, 3), (talk, 1)):
                for number in range(count):
                    await talker.post("hello", str(number))
            await talk.send("pin", message_id=1, nonce="p")
            await talk.receive("ack")
            await talk.send("delete", message_ids=[3, 4, 1], nonce="d")
            await talk.receive("ack")
            await of_eve.send("delete", message_ids=[2], nonce="d")
            await of_eve.receive("ack")
        entries = (await ada.call("GET", f"/room/{room_id}/audit"))["entries"]
        assert [(each["event"], each["actor"], each["user_id"], each["detail"]) for each in entries[:2]] == [
            ("messages_deleted", bob.user_id, eve.user_id, "3, 1"),
            ("message_pinned", bob.user_id, eve.user_id, "1"),
        ]


async def test_a_mute_by_way_of_another_daemon(tmp_path: Path, mongod_replica: str) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with stored_in_mongodb(mongod_replica) as storage:
        settings = QUICK | FREE | SECRET | storage
        async with (
            running(tmp_path / "one", **settings) as one,
            running(tmp_path / "two", **settings) as two,
            registered_users(one, 2) as (ada, eve),
        ):
            room_id = await open_room(ada, eve)
            async with ada.talk(room_id) as listener:
                await listener.send("listen_latest", want=["typing"])
                await listener.fetch(1, 1)
                await _mute_elsewhere(room_id, eve, through(two, ada), listener)


async def _mute_elsewhere(room_id: str, eve: Person, ada: Person, listener: Talk) -> None:
    async with ada, eve.talk(room_id) as talk:
        await talk.receive("initial_state")
        assert await talk.post("hello", "1") == 1
        await talk.send("typing")
        assert (await listener.receive("typing"))["user_ids"] == [eve.user_id]
        await ada.call("PUT", f"/room/{room_id}/mute/{eve.user_id}", seconds=60)
        assert (await listener.receive("typing"))["user_ids"] == [], "she is no longer shown"
        assert (await refused(talk, "muted"))["code"] == "muted"
