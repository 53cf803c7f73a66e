"""Sockets that are opened with a ticket in place of a token."""

from pathlib import Path

import trio

from tests.client import bearer, open_room, registered_user, registered_users, talk_at
from tests.end_to_end.conftest import QUICK
from tests.process import DaemonProcess, running


async def test_a_ticket_opens_one_socket(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        answer = await ada.call("POST", "/ws/ticket", 201)
        assert answer == {"message": "ok", "ticket": answer["ticket"], "expires_in": 30}
        url = ada.socket_url(room_id, ticket=answer["ticket"])
        async with talk_at(url) as talk:
            assert (await talk.receive())["type"] == "initial_state"
            assert await talk.post("Hello", "1") == 1
        async with talk_at(url) as talk:
            assert await talk.closed() == (4001, "Invalid ticket")
        assert answer["ticket"] not in daemon.output


async def test_a_ticket_ends_with_its_login_session(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        ticket = await ada.ticket()
        await ada.call("POST", "/logout")
        async with talk_at(ada.socket_url(room_id, ticket=ticket)) as talk:
            assert await talk.closed() == (4001, "Invalid token")


async def test_a_socket_opened_with_a_ticket_ends_with_its_login_session(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        ticket = await ada.ticket()
        async with talk_at(ada.socket_url(room_id, ticket=ticket)) as talk:
            await talk.receive("initial_state")
            await ada.call("POST", "/logout")
            assert (await talk.closed())[0] == 4001


async def test_a_ticket_opens_only_rooms_of_its_user(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 2) as (ada, bob):
        room_id = await open_room(ada)
        ticket = await bob.ticket()
        async with talk_at(ada.socket_url(room_id, ticket=ticket)) as talk:
            assert await talk.closed() == (1008, "Forbidden")


async def test_tickets_expire_and_are_limited(tmp_path: Path) -> None:
    # The limit is found while both tickets are valid: 5 s are enough for three calls on a busy machine.
    settings = {"REICHATD_AUTH_TICKET_SECONDS": "5", "REICHATD_AUTH_TICKETS_PER_SESSION": "2"}
    async with running(tmp_path, **QUICK, **settings) as daemon, await registered_user(daemon, "ada") as ada:
        room_id = await open_room(ada)
        ticket = await ada.ticket()
        await ada.ticket()
        assert (await ada.call("POST", "/ws/ticket", 503))["code"] == "unavailable"
        with trio.fail_after(30):
            while (await ada.http.post("/ws/ticket", headers=bearer(ada.access_token))).is_error:  # noqa: ASYNC110
                await trio.sleep(0.05)
        async with talk_at(ada.socket_url(room_id, ticket=ticket)) as talk:
            assert await talk.closed() == (4001, "Invalid ticket")
