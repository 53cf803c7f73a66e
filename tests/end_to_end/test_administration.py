"""The administrators' commands change live connections too, on both stores."""

import re
from pathlib import Path
from typing import Any

import trio

from reichatd.cli import exit_status
from tests.cli.commands import Commands
from tests.client import open_room, registered_users
from tests.process import DaemonProcess, running


async def admin(daemon: DaemonProcess, *arguments: str, stdin: str = "") -> Any:  # noqa: ANN401 - JSON
    """Runs a command, which finds the daemon by its files; returns the JSON that it prints."""
    commands = Commands(daemon.directory, daemon.settings)
    return await trio.to_thread.run_sync(lambda: commands.json(*arguments, stdin=stdin))


async def test_a_disabled_user_is_logged_out_and_refused(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 2) as (ada, eve):
        room_id = await open_room(ada, eve)
        async with ada.talk(room_id) as stays, eve.talk(room_id) as talk:
            await eve.call("GET", "/user")
            assert (await admin(daemon, "user", "disable", eve.email, "--yes"))["sessions_ended"] == 1
            assert await talk.closed() == (4001, "Session ended")
            assert await stays.post("still here", "1") == 1
        await eve.call("GET", "/user", 401)
        login = await eve.try_login()
        assert (login.status_code, login.json()["code"]) == (403, "user_disabled")
        assert (await eve.refresh()).status_code == 401
        await admin(daemon, "user", "enable", eve.email)
        await eve.call("GET", "/user", 401)
        await eve.log_in()
        async with eve.talk(room_id) as talk:
            assert await talk.post("back", "1") == 2


async def test_set_password_replaces_the_password(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 2) as (ada, eve):
        room_id = await open_room(ada, eve)
        async with eve.talk(room_id) as talk:
            await admin(daemon, "user", "set-password", eve.email, "--password-stdin", stdin="quite another\n")
            assert await talk.closed() == (4001, "Session ended")
        login = await eve.try_login()
        assert login.json()["code"] == "invalid_password"
        await eve.log_in("quite another")


async def test_logout_kick_ban_and_delete_close_sockets(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 4) as (ada, bob, cleo, eve):
        room_id = await open_room(ada, bob, cleo, eve)
        async with (
            ada.talk(room_id) as of_ada,
            bob.talk(room_id) as of_bob,
            cleo.talk(room_id) as of_cleo,
            eve.talk(room_id) as of_eve,
        ):
            await admin(daemon, "user", "logout", bob.user_id)
            assert await of_bob.closed() == (4001, "Session ended")
            await admin(daemon, "room", "kick", room_id, cleo.email, "--yes")
            assert await of_cleo.closed() == (1008, "Forbidden")
            await admin(daemon, "room", "ban", room_id, eve.email, "--yes")
            assert await of_eve.closed() == (1008, "Forbidden")
            await eve.call("POST", f"/room/{room_id}/join", 403)
            await admin(daemon, "room", "delete", room_id, "--yes")
            assert await of_ada.closed() == (1008, "Room not found")


async def test_a_deleted_author_is_shown_by_a_placeholder(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 2) as (ada, eve):
        room_id = await open_room(ada, eve)
        async with ada.talk(room_id) as reader, eve.talk(room_id) as talk:
            await talk.post("hello", "1")
            await reader.send("listen_latest", after_id=0)
            assert [message["username"] for message in await reader.latest(1)] == [eve.name]
            await admin(daemon, "user", "delete", eve.email, "--yes")
            assert await talk.closed() == (4001, "Session ended")
            (message,) = await reader.fetch(1, 1)
            assert (message["user_id"], message["username"], message["email"]) == (eve.user_id, "(deleted)", "")
            assert message["content"] == "hello"
            assert await reader.post("the next id", "2") == 2
        room = (await ada.call("GET", f"/room/{room_id}"))["room"]
        assert room["users"] == [ada.user_id]
        await eve.register()


async def test_a_room_is_transferred_to_another_owner(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 3) as (ada, bob, eve):
        room_id = await open_room(ada, bob)
        commands = Commands(daemon.directory, daemon.settings)
        transfer = ("room", "transfer", room_id, eve.email, "--yes")
        await trio.to_thread.run_sync(lambda: commands.run(*transfer, status=exit_status.REFUSED))
        await admin(daemon, "room", "transfer", room_id, bob.email, "--yes")
        await ada.call("DELETE", f"/room/{room_id}", 403)
        await bob.call("DELETE", f"/room/{room_id}")


async def test_stats_count_connections(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        async with ada.talk(room_id) as talk:
            await talk.receive("initial_state")
            stats = await admin(daemon, "stats")
            assert stats["daemon"]["connections"] >= 1
            assert stats["daemon"]["live_rooms"] >= 1
            assert stats["users"] >= 1


async def test_a_registration_is_verified_without_its_code(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 1) as (ada,):
        ada.email = f"other{ada.email}"
        await ada.register()
        assert ada.email in {one["email"] for one in await admin(daemon, "user", "list", "--pending")}
        await admin(daemon, "user", "verify", ada.email)
        await ada.log_in()


async def test_verify_needs_an_id_where_two_registrations_have_one_address(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 1) as (ada,):
        ada.email = f"victim{ada.email}"
        await ada.register()
        body = {"email": ada.email, "password": "a stranger's", "username": "mallory"}
        assert (await ada.http.post("/register", json=body)).status_code == 201
        commands = Commands(daemon.directory, daemon.settings)
        done = await trio.to_thread.run_sync(
            lambda: commands.run("user", "verify", ada.email, status=exit_status.REFUSED)
        )
        choices = re.findall(r"^--id (\w+)  (\w+)  expires 20", done.stderr, re.MULTILINE)
        assert [name for _, name in choices] == [ada.name, "mallory"]
        await admin(daemon, "user", "verify", ada.email, "--id", choices[0][0])
        await ada.log_in()


async def test_without_a_control_socket_a_recheck_closes_sockets(tmp_path: Path, storage: dict[str, str]) -> None:
    settings = storage | {"REICHATD_SERVER_CONTROL_SOCKET": "", "REICHATD_AUTH_SESSION_RECHECK_SECONDS": "0.2"}
    async with running(tmp_path, **settings) as daemon, registered_users(daemon, 3) as (ada, bob, eve):
        room_id = await open_room(ada, bob, eve)
        async with ada.talk(room_id) as stays, bob.talk(room_id) as of_bob, eve.talk(room_id) as of_eve:
            await admin(daemon, "user", "disable", bob.email, "--yes")
            await admin(daemon, "room", "kick", room_id, eve.email, "--yes")
            assert await of_bob.closed() == (4001, "Session ended")
            assert await of_eve.closed() == (1008, "Forbidden")
            assert await stays.post("still here", "1") == 1
