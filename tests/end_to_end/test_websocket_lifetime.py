"""How sockets open and close: every close code of the contract."""

import itertools
import secrets
from contextlib import suppress
from pathlib import Path

import pytest
import trio
from trio_websocket import ConnectionClosed

from tests.client import PASSWORD, Person, Talk, bearer, open_room, plain, printed_code, registered_users, talk_at
from tests.end_to_end.conftest import FREE
from tests.process import DaemonProcess, running

EMPTY = {"type": "initial_state", "last_read_id": 0, "messages": []}


def address(daemon: DaemonProcess, room_id: str, token: str | None = None, path: str = "/ws/chat") -> str:
    query = "" if token is None else f"?token={token}"
    return f"ws://127.0.0.1:{daemon.port}{path}/{room_id}{query}"


async def is_open(talk: Talk) -> bool:
    """Whether the server still answers on this socket."""
    return await talk.fetch(1, 0) == []


async def test_the_token_comes_in_the_query_or_in_a_header(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        for path in ("/ws/chat", "/room"):
            async with talk_at(address(daemon, room_id, ada.access_token, path)) as talk:
                assert plain(await talk.receive()) == EMPTY
            async with talk_at(
                address(daemon, room_id, None, path), authorization=f"Bearer {ada.access_token}"
            ) as talk:
                assert plain(await talk.receive()) == EMPTY


async def test_refusals_come_as_close_frames(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 2) as (ada, eve):
        room_id = await open_room(ada)
        private = await open_room(ada, password="wine")
        token = eve.access_token
        unauthorized, invalid = (4001, "Unauthorized"), (4001, "Invalid token")
        for url, expected in (
            (address(daemon, room_id), unauthorized),
            (address(daemon, "nowhere"), unauthorized),
            (address(daemon, room_id, ""), unauthorized),
            (address(daemon, room_id, "nonsense"), invalid),
            (address(daemon, room_id, token[:-2]), invalid),
            (address(daemon, room_id, eve.refresh_token), invalid),
            (address(daemon, "nowhere", token), (1008, "Room not found")),
            (address(daemon, "%00", token), (1008, "Room not found")),
            (address(daemon, room_id, token), (1008, "Forbidden")),
            (address(daemon, private, token), (1008, "Forbidden")),
        ):
            async with talk_at(url) as talk:
                assert await talk.rest() == ([], *expected), url


async def test_banned_and_former_members_are_refused(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 3) as (ada, bob, eve):
        room_id = await open_room(ada, bob, eve)
        await ada.call("POST", f"/room/{room_id}/ban/{bob.user_id}")
        await eve.call("POST", f"/room/{room_id}/leave")
        for person in (bob, eve):
            async with person.talk(room_id) as talk:
                assert await talk.closed() == (1008, "Forbidden")


@pytest.mark.parametrize("call", ["kick", "ban", "leave"])
async def test_removal_closes_all_sockets_of_one_user_in_one_room(daemon: DaemonProcess, call: str) -> None:
    async with registered_users(daemon, 2) as (ada, bob):
        here, elsewhere = await open_room(ada, bob), await open_room(ada, bob)
        async with (
            bob.talk(here) as one,
            bob.talk(here) as two,
            bob.talk(elsewhere) as three,
            ada.talk(here) as four,
        ):
            for talk in (one, two, three, four):
                assert plain(await talk.receive()) == EMPTY
                await talk.send("listen_latest")
                assert await is_open(talk)
            if call == "leave":
                await bob.call("POST", f"/room/{here}/leave")
            else:
                await ada.call("POST", f"/room/{here}/{call}/{bob.user_id}")
            await four.post("Is he gone?", "n")
            assert await one.rest() == ([], 1008, "Forbidden")
            assert await two.rest() == ([], 1008, "Forbidden")
            assert await is_open(three)
            assert await is_open(four)


async def test_a_kicked_user_posts_nothing_more(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        async with bob.talk(room_id) as loud, ada.talk(room_id) as quiet, trio.open_nursery() as nursery:

            async def shout() -> None:
                with suppress(ConnectionClosed):
                    while True:
                        await loud.send("message", content="Hear me")

            nursery.start_soon(shout)
            await quiet.send("listen_latest", after_id=0)
            await quiet.latest(5)
            await ada.call("POST", f"/room/{room_id}/kick/{bob.user_id}")
            silence = await quiet.post("Silence", "s")
            assert (await loud.closed())[0] == 1008
            assert await quiet.post("At last", "a") == silence + 1


async def test_a_kicked_user_changes_nothing_more(daemon: DaemonProcess) -> None:
    """An edit that waits for its commit when its author is kicked is not made."""
    async with registered_users(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        async with bob.talk(room_id) as loud, ada.talk(room_id) as quiet, trio.open_nursery() as nursery:
            await loud.post("Mine", "n")

            async def edit_on() -> None:
                with suppress(ConnectionClosed):
                    for number in itertools.count():
                        await loud.send("edit", message_id=1, content=str(number))

            nursery.start_soon(edit_on)
            await quiet.send("listen_latest", after_id=0, after_change=0)
            for _ in range(5):
                await quiet.receive("message_changed")
            await ada.call("POST", f"/room/{room_id}/kick/{bob.user_id}")
            await quiet.post("Silence", "s")
            silence = await quiet.fetch(1, 1)
            assert (await loud.closed())[0] == 1008
            await quiet.post("At last", "a")
            assert await quiet.fetch(1, 1) == silence


async def test_deletion_closes_the_room(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 2) as (ada, bob):
        here, elsewhere = await open_room(ada, bob), await open_room(ada, bob)
        async with ada.talk(here) as one, bob.talk(here) as two, bob.talk(elsewhere) as three:
            for talk in (one, two, three):
                assert plain(await talk.receive()) == EMPTY
            await ada.call("DELETE", f"/room/{here}")
            assert await one.rest() == ([], 1008, "Room not found")
            assert await two.rest() == ([], 1008, "Room not found")
            assert await is_open(three)


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_logout_closes_the_sockets_of_its_session(daemon: DaemonProcess, kind: str) -> None:
    async with registered_users(daemon, 1) as (ada,):
        here, elsewhere = await open_room(ada), await open_room(ada)
        async with ada.talk(here) as one, ada.talk(elsewhere) as two:
            ended = getattr(ada, kind)
            await ada.log_in()
            async with ada.talk(here) as other:
                for talk in (one, two, other):
                    assert plain(await talk.receive()) == EMPTY
                logout = await ada.http.post("/logout", headers=bearer(ended))
                assert logout.json() == {"message": "ok"}
                assert await one.rest() == ([], 4001, "Session ended")
                assert await two.rest() == ([], 4001, "Session ended")
                assert await is_open(other)


async def test_password_change_closes_the_sockets_of_other_sessions(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        async with ada.talk(room_id) as one, bob.talk(room_id) as of_bob:
            await ada.log_in()
            async with ada.talk(room_id) as two:
                await ada.log_in()
                async with ada.talk(room_id) as current:
                    for talk in (one, two, current, of_bob):
                        assert plain(await talk.receive()) == EMPTY
                    await ada.call("PUT", "/user/password", password=PASSWORD, new_password="another password")
                    assert await one.rest() == ([], 4001, "Session ended")
                    assert await two.rest() == ([], 4001, "Session ended")
                    assert await is_open(current)
                    assert await is_open(of_bob)


async def test_a_dropped_connection(daemon: DaemonProcess) -> None:
    """What was sent before the connection ended is stored, and the room works on."""
    async with registered_users(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        async with bob.talk(room_id) as listener:
            await listener.receive("initial_state")
            await listener.send("listen_latest")
            async with ada.talk(room_id) as polite:
                await polite.receive("initial_state")
                await polite.send("message", content="Sent and closed")
            async with ada.slow_talk(room_id) as dropped:
                await dropped.receive("initial_state")
                await dropped.send("message", content="Sent and dropped")
            assert [message["content"] for message in await listener.latest(2)] == [
                "Sent and closed",
                "Sent and dropped",
            ]


async def test_expiry(tmp_path: Path, storage: dict[str, str]) -> None:
    """A connection outlives its access token but not its login session. A verification code expires too."""
    async with running(tmp_path, **storage, **FREE) as daemon, registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
    short = {
        # 3 s to open a socket with the token, and 6 s more for what the login session still allows.
        "REICHATD_AUTH_ACCESS_TOKEN_MINUTES": "0.05",
        "REICHATD_AUTH_REFRESH_TOKEN_DAYS": "0.000104",
        "REICHATD_AUTH_VERIFICATION_CODE_MINUTES": "0.0000001",
        "REICHATD_LIMITS_PING_SECONDS": "0.2",
    }
    async with running(tmp_path, **storage, **short) as daemon, Person(daemon.url, ada.name, ada.email) as ada:
        await ada.log_in()
        async with ada.talk(room_id) as talk:
            assert plain(await talk.receive()) == EMPTY
            with trio.fail_after(20):
                while (await ada.http.get("/user", headers=bearer(ada.access_token))).is_success:
                    assert await is_open(talk)
                    await trio.sleep(0.05)
            assert await is_open(talk)
            async with ada.talk(room_id) as late:
                assert await late.closed() == (4001, "Invalid token")
            assert (await ada.refresh()).status_code == 200
            assert await talk.closed() == (4001, "Session ended")
        assert (await ada.refresh()).status_code == 401

        body = {"email": f"late{secrets.token_hex(4)}@example.org", "password": PASSWORD, "username": "late"}
        await ada.http.post("/register", json=body)
        code = await printed_code(daemon, body["email"])
        answer = await ada.http.post("/verify", json={"email": body["email"], "code": code})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_code")
