"""What users do with their own accounts, on real daemons and both stores: refresh, end sessions, reset, move, leave."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import trio

from tests.client import PASSWORD, SECONDS, Person, bearer, open_room, printed_code, registered_user, talk_at
from tests.process import DaemonProcess, data_file, running

NEW_PASSWORD = "a better password"
TREASURE = "the treasure is under the old oak"


async def rotate(person: Person, token: str) -> httpx.Response:
    return await person.http.post("/refresh", headers=bearer(token))


async def printed_token(daemon: DaemonProcess) -> str:
    """Waits for a mail with a reset token; returns the token."""
    with trio.fail_after(SECONDS):
        while not (found := re.findall(r"^    (\w+\.\d+\.[0-9a-f]{64})$", daemon.output, re.MULTILINE)):  # noqa: ASYNC110 - another process
            await trio.sleep(0.01)
        return str(found[-1])


async def test_tokens_that_are_used_twice(tmp_path: Path, storage: dict[str, str]) -> None:
    """Two tabs refresh at once, and both go on. A copy that is used later ends the login, with its socket."""
    settings = {**storage, "REICHATD_AUTH_ROTATION_GRACE_SECONDS": "3600"}
    async with running(tmp_path, **settings) as daemon, await registered_user(daemon, "ada") as ada:
        room_id = await open_room(ada)
        answers: list[httpx.Response] = []

        async def refresh(token: str) -> None:
            answers.append(await rotate(ada, token))

        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(refresh, ada.refresh_token)
        assert [answer.status_code for answer in answers] == [200] * 8
        (successor,) = {answer.json()["tokens"]["refresh_token"] for answer in answers}
        async with ada.talk(room_id) as talk:
            await talk.receive("initial_state")
            assert (await rotate(ada, successor)).status_code == 200
            assert (await rotate(ada, ada.refresh_token)).status_code == 401
            assert (await talk.closed())[0] == 4001
        assert "A login was ended" in daemon.output


async def test_a_new_password_and_a_new_address(tmp_path: Path, storage: dict[str, str]) -> None:
    async with (
        running(tmp_path, **storage) as daemon,
        await registered_user(daemon, "ada") as ada,
        await registered_user(daemon, "bob") as bob,
    ):
        room_id = await open_room(ada, bob)
        await ada.call("POST", "/password/forgot", email=ada.email)
        token = await printed_token(daemon)
        async with ada.talk(room_id) as talk:
            await talk.receive("initial_state")
            await bob.call("POST", "/password/reset", token=token, new_password=NEW_PASSWORD)
            assert (await talk.closed())[0] == 4001
        await bob.call("POST", "/password/reset", 400, token=token, new_password=NEW_PASSWORD)
        assert (await ada.try_login(PASSWORD)).status_code == 400
        await ada.log_in(NEW_PASSWORD)

        new = "countess@example.org"
        async with ada.talk(room_id) as talk, bob.talk(room_id) as listener:
            await listener.start_listening()
            await talk.post("before", "1")
            await ada.call("PUT", "/user/email", password=NEW_PASSWORD, email=new)
            await ada.call("POST", "/user/email/verify", code=await printed_code(daemon, new))
            await talk.post("after", "2")
            assert [message["email"] for message in await listener.latest(2)] == [ada.email, new]
            assert {message["email"] for message in await listener.fetch(1, 2)} == {new}
        ada.email = new
        await ada.log_in(NEW_PASSWORD)


async def test_an_erased_account(tmp_path: Path, storage: dict[str, str]) -> None:
    """The messages in the store and in the memory of the daemon are erased, after a restart too."""
    async with (
        running(tmp_path, **storage) as daemon,
        await registered_user(daemon, "bob") as bob,
        await registered_user(daemon, "ada") as ada,
    ):
        room_id = await open_room(bob, ada)
        async with ada.talk(room_id) as talk, bob.talk(room_id) as listener:
            await listener.start_listening()
            for number in range(1, 4):
                await talk.post(f"{TREASURE} {number}", str(number))
            export = await ada.http.get("/user/export", headers=bearer(ada.access_token))
            assert export.text.count(TREASURE) == 3
            await ada.call("DELETE", "/user", password=PASSWORD, messages="erase")
            assert (await talk.closed())[0] == 4001
            with trio.fail_after(SECONDS):
                while "messages of a deleted user erased" not in daemon.output:  # noqa: ASYNC110 - another process
                    await trio.sleep(0.05)
            messages = await listener.fetch(1, 3)
            assert [(one["content"], one["username"], one["email"]) for one in messages] == [
                ("(deleted)", "(deleted)", "")
            ] * 3
        async with talk_at(bob.socket_url(room_id)) as late:
            assert TREASURE not in str(await late.receive("initial_state"))
    if "REICHATD_STORAGE_BACKEND" not in storage:
        with closing(sqlite3.connect(data_file(tmp_path))) as db:
            assert db.execute("SELECT count(*) FROM messages WHERE content LIKE '%treasure%'").fetchone() == (0,)


async def test_sessions_as_their_user_sees_them(daemon: DaemonProcess) -> None:
    async with await registered_user(daemon, "sessions") as ada:
        here = ada.access_token
        await ada.log_in()
        room_id = await open_room(ada)
        sessions = (await ada.call("GET", "/sessions"))["sessions"]
        assert [(one["device"], one["address"], one["current"]) for one in sessions] == [
            ("python-httpx", "127.0.0.1", False),
            ("python-httpx", "127.0.0.1", True),
        ]
        async with ada.talk(room_id) as talk:
            await talk.receive("initial_state")
            ada.access_token = here
            await ada.call("DELETE", f"/sessions/{sessions[1]['session_id']}")
            assert (await talk.closed())[0] == 4001
