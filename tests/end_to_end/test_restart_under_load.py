"""Restarts that lose nothing: the listening socket outlives the daemon, as with systemd."""

import socket
from functools import partial
from pathlib import Path

import trio

from tests.client import open_room, registered_users
from tests.end_to_end.conftest import FREE, QUICK
from tests.end_to_end.recorded_history import whole_log
from tests.mail.server import until
from tests.process import DaemonProcess, started
from tests.reconnecting import ReconnectingClient, SharedRoom

CLIENTS = 500
ROOMS = 25
RESTARTS = 3
PAUSE_SECONDS = 6.0
"""All together 1,700 deliveries per second. With three times as many, this process fell behind beside four browsers."""
ALL_SECONDS = 60.0
"""How long all clients together may take beside other tests; alone they take a tenth of it."""
LONG_CLOSE = {"REICHATD_LIMITS_CLOSE_SECONDS": "20", "REICHATD_SERVER_DRAIN_SECONDS": "25"}
"""Time for each client to read the close frame. With 2 s, and four browsers on the same two slow cores, some were late."""
all_of_them = partial(until, seconds=ALL_SECONDS)


async def test_restarts_with_five_hundred_clients(tmp_path: Path) -> None:
    """Three restarts and one SIGKILL: no message is lost or repeated, no connection is refused."""
    settings = QUICK | FREE | LONG_CLOSE
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as kept:
        async with (
            started(DaemonProcess(tmp_path, settings, listener=kept)) as daemon,
            registered_users(daemon, 3) as people,
            trio.open_nursery() as nursery,
        ):
            rooms = [SharedRoom(await open_room(*people)) for _ in range(ROOMS)]
            clients = [
                ReconnectingClient(
                    f"c{number}", people[number % 3], daemon.port, rooms[number % ROOMS], pause=PAUSE_SECONDS
                )
                for number in range(CLIENTS)
            ]
            for client in clients:
                nursery.start_soon(client.run)
            for number in range(RESTARTS):
                await joined(clients, number + 1)
                assert await daemon.stop() == 0, daemon.output
                await daemon.start()
            await joined(clients, RESTARTS + 1)
            assert {client.shutdowns for client in clients} == {RESTARTS}
            assert not any(client.cuts for client in clients)
            daemon.kill()
            await daemon.start()
            await joined(clients, RESTARTS + 2)
            assert {client.cuts for client in clients} == {1}
            assert not any(client.refused for client in clients)

            await everything_received(clients, rooms)
            for room in rooms:
                async with people[0].talk(room.room_id) as talk:
                    log = [message.content for message in await whole_log(talk)]
                assert len(log) == len(room.posted)
                assert set(log) == room.posted
                assert room.received == dict(enumerate(log, 1))
            nursery.cancel_scope.cancel()
        assert "Traceback" not in daemon.output


async def joined(clients: list[ReconnectingClient], times: int) -> None:
    """Waits until every client has joined its room `times` times and has received a message since."""
    await all_of_them(lambda: all(client.joins >= times for client in clients))
    cursors = [client.cursor for client in clients]
    await all_of_them(lambda: all(client.cursor > before for client, before in zip(clients, cursors, strict=True)))


async def everything_received(clients: list[ReconnectingClient], rooms: list[SharedRoom]) -> None:
    """Stops all posts, and waits until every message is acknowledged and all clients have it."""
    for client in clients:
        client.stopped_posting = True
    await all_of_them(lambda: not any(client.unacknowledged for client in clients))
    ends = [len(room.posted) for room in rooms]
    await all_of_them(lambda: all(client.cursor == ends[number % ROOMS] for number, client in enumerate(clients)))
