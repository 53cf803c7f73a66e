"""Restarts that nobody notices: the listening socket is kept by whoever starts the daemon, as systemd does it."""

import socket
from functools import partial
from pathlib import Path

import trio

from tests.chatters import Chatter, Talked
from tests.client import crowd, open_room
from tests.end_to_end.conftest import FREE, QUICK
from tests.end_to_end.history import whole_log
from tests.mail.server import until
from tests.process import DaemonProcess

CLIENTS = 500
ROOMS = 25
RESTARTS = 3
PAUSE_SECONDS = 6.0
"""All together 1,700 deliveries a second: with three times as many, this process fell ever further behind beside four browsers."""
CROWD_SECONDS = 60.0
"""What all of them together may take, where other tests want the cores too; alone they take a tenth of it."""
PATIENT = {"REICHATD_LIMITS_CLOSE_SECONDS": "20", "REICHATD_SERVER_DRAIN_SECONDS": "25"}
"""Whoever of the crowd is long without a core still hears the goodbye before the daemon lets go of the connection: with 2 s
to take it, four browsers at work beside them on two slow cores were enough for some to be late."""
all_of_them = partial(until, seconds=CROWD_SECONDS)


async def test_five_hundred_chatting_clients(tmp_path: Path) -> None:
    """Three restarts and one kill -9: nothing is lost, nothing comes twice, nobody is refused."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as kept:
        daemon = DaemonProcess(tmp_path, QUICK | FREE | PATIENT, listener=kept)
        try:
            await daemon.start()
            async with crowd(daemon, 3) as people, trio.open_nursery() as nursery:
                talks = [Talked(await open_room(*people)) for _ in range(ROOMS)]
                chatters = [
                    Chatter(f"c{number}", people[number % 3], daemon.port, talks[number % ROOMS], pause=PAUSE_SECONDS)
                    for number in range(CLIENTS)
                ]
                for chatter in chatters:
                    nursery.start_soon(chatter.run)
                for number in range(RESTARTS):
                    await joined(chatters, number + 1)
                    assert await daemon.stop() == 0, daemon.output
                    await daemon.start()
                await joined(chatters, RESTARTS + 1)
                assert {chatter.goodbyes for chatter in chatters} == {RESTARTS}
                assert not any(chatter.cuts for chatter in chatters)
                daemon.kill()
                await daemon.start()
                await joined(chatters, RESTARTS + 2)
                assert {chatter.cuts for chatter in chatters} == {1}
                assert not any(chatter.refused for chatter in chatters)

                await all_said(chatters, talks)
                for talked in talks:
                    async with people[0].talk(talked.room_id) as talk:
                        log = [told.content for told in await whole_log(talk)]
                    assert len(log) == len(talked.posted)
                    assert set(log) == talked.posted
                    assert talked.heard == dict(enumerate(log, 1))
                nursery.cancel_scope.cancel()
            assert await daemon.stop() == 0
            assert "Traceback" not in daemon.output
        finally:
            daemon.kill()


async def joined(chatters: list[Chatter], times: int) -> None:
    """Waits until every client is in its room for the so many-th time, and hears what is said."""
    await all_of_them(lambda: all(chatter.joins >= times for chatter in chatters))
    heard = [chatter.cursor for chatter in chatters]
    await all_of_them(lambda: all(chatter.cursor > before for chatter, before in zip(chatters, heard, strict=True)))


async def all_said(chatters: list[Chatter], talks: list[Talked]) -> None:
    """Has them fall silent, and waits until every word is acknowledged and heard by all."""
    for chatter in chatters:
        chatter.falls_silent = True
    await all_of_them(lambda: not any(chatter.unacknowledged for chatter in chatters))
    ends = [len(talked.posted) for talked in talks]
    await all_of_them(lambda: all(chatter.cursor == ends[number % ROOMS] for number, chatter in enumerate(chatters)))
