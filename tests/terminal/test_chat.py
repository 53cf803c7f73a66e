"""`reichatd chat` in a real pseudo-terminal, against a real daemon."""

import json
import signal
import stat
import time
from pathlib import Path

import jwt
import pytest
import trio

from tests.client import PASSWORD, Person, newcomer, open_room
from tests.end_to_end.conftest import FREE, QUICK
from tests.process import DaemonProcess, running
from tests.terminal.terminal import Terminal, chat

ENTER, PAGE_UP, PAGE_DOWN, CTRL_D = "\r", "\x1b[5~", "\x1b[6~", "\x04"


async def log_in(terminal: Terminal, email: str) -> None:
    await terminal.see(f"Password of {email}:")
    terminal.type(f"{PASSWORD}{ENTER}")


async def post(person: Person, room_id: str, *texts: str) -> None:
    async with person.talk(room_id) as talk:
        for number, text in enumerate(texts):
            await talk.post(text, f"{person.name}{number}")


async def test_log_in_choose_a_room_and_talk(tmp_path: Path) -> None:
    async with (
        running(tmp_path, **QUICK) as daemon,
        await newcomer(daemon, "ada") as ada,
        await newcomer(daemon, "bob") as bob,
    ):
        await open_room(bob, name="Attic", room_id="attic")
        await open_room(bob, ada, name="Lounge", room_id="lounge")
        async with chat(tmp_path, daemon.url) as terminal:
            await terminal.see("E-mail address:")
            terminal.type(f"{ada.email}{ENTER}")
            await log_in(terminal, ada.email)
            await terminal.see("1  Lounge (lounge)", "2  Attic (attic), not joined yet")
            terminal.type(f"2{ENTER}")
            await terminal.see("Attic · online", "here the room begins")
            terminal.type(f"Hello, Grüße \U0001f431{ENTER}")
            await terminal.see("ada  Hello, Grüße")
            await terminal.miss("waiting")
            await post(bob, "attic", "Welcome", "A\x1b[2Jtrick")
            await terminal.see("bob  Welcome", "bob  A\ufffd[2Jtrick", "ada  Hello, Grüße")
            terminal.type(CTRL_D)
            assert await terminal.ended() == 0
            assert PASSWORD not in terminal.raw.decode()
        await check_the_file(tmp_path, ada)
        # The second time nobody is asked for a password.
        async with chat(tmp_path, daemon.url, "attic") as terminal:
            await terminal.see("Attic · online", "bob  Welcome")


def login_file(home: Path) -> Path:
    return home / ".local" / "state" / "reichatd" / "logins.json"


async def check_the_file(home: Path, ada: Person) -> None:
    file = login_file(home)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["logins.json"]
    (login,) = json.loads(file.read_text()).values()
    assert login["email"] == ada.email
    assert PASSWORD not in file.read_text()


async def test_what_is_said_while_the_daemon_is_away_arrives_once_and_nothing_is_missed(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path, QUICK)
    try:
        await daemon.start()
        async with await newcomer(daemon, "ada") as ada, await newcomer(daemon, "bob") as bob:
            room_id = await open_room(bob, ada, name="Lounge")
            async with chat(tmp_path, daemon.url, room_id, "--email", ada.email) as terminal:
                await log_in(terminal, ada.email)
                await terminal.see("Lounge · online")
                terminal.type(f"Before{ENTER}")
                await terminal.see("ada  Before")
                daemon.signal(signal.SIGKILL)
                await terminal.see("offline:")
                terminal.type(f"One{ENTER}")
                terminal.type(f"Two{ENTER}")
                await terminal.see("2 waiting", "…     One", "…     Two")
                await daemon.wait()
                await daemon.start()
                await post(bob, room_id, "While you were away")
                await terminal.see("Lounge · online", "While you were away", "ada  One", "ada  Two")
                await terminal.miss("waiting")
                async with bob.talk(room_id) as talk:
                    state = await talk.receive("initial_state")
                said = [message["content"] for message in state["messages"]]
                assert sorted(said) == ["Before", "One", "Two", "While you were away"]
                assert said.index("One") < said.index("Two")
                shown = [line[6:].partition("  ")[2] for line in terminal.lines if "  " in line[6:]]
                assert [line for line in shown if line in said] == said
        assert await daemon.stop() == 0
    finally:
        daemon.kill()


async def test_history_upwards(tmp_path: Path) -> None:
    async with running(tmp_path, **QUICK, **FREE) as daemon, await newcomer(daemon, "ada") as ada:
        room_id = await open_room(ada, name="Lounge")
        async with ada.talk(room_id) as talk:
            for number in range(1, 301):
                await talk.send("message", content=f"Number {number}.")
            await talk.post("The last one", "last")
        async with chat(tmp_path, daemon.url, room_id, "--email", ada.email) as terminal:
            await log_in(terminal, ada.email)
            await terminal.see("The last one", "Number 300.")
            while "here the room begins" not in terminal.text:
                before = terminal.text
                terminal.type(PAGE_UP)
                await terminal.see_other_than(before)
            await terminal.see("here the room begins", "Number 1.", "more below")
            await post(ada, room_id, "And another one")
            await terminal.see("here the room begins", "Number 1.")
            while "And another one" not in terminal.text:
                before = terminal.text
                terminal.type(PAGE_DOWN)
                await terminal.see_other_than(before)
            await terminal.miss("more below")
            terminal.resize(10, 40)
            await terminal.see("And another one", "Lounge · online")


async def test_a_member_who_is_banned_leaves(tmp_path: Path) -> None:
    async with (
        running(tmp_path, **QUICK) as daemon,
        await newcomer(daemon, "ada") as ada,
        await newcomer(daemon, "bob") as bob,
    ):
        room_id = await open_room(bob, name="Secret", password="open sesame")
        async with chat(tmp_path, daemon.url, room_id, "--email", ada.email) as terminal:
            await log_in(terminal, ada.email)
            await terminal.see("Password of the room:")
            terminal.type(f"open sesame{ENTER}")
            await terminal.see("online")
            await bob.call("POST", f"/room/{room_id}/ban/{ada.user_id}")
            assert await terminal.ended() == 65
            await terminal.see("reichatd: the conversation has ended:")


async def test_a_login_session_that_is_over(tmp_path: Path) -> None:
    async with running(tmp_path, **QUICK) as daemon, await newcomer(daemon, "ada") as ada:
        room_id = await open_room(ada, name="Lounge")
        async with chat(tmp_path, daemon.url, room_id, "--email", ada.email) as terminal:
            await log_in(terminal, ada.email)
            await terminal.see("online")
            await ada.call("PUT", "/user/password", password=PASSWORD, new_password="another good one")
            assert await terminal.ended() == 77
            await terminal.see("reichatd: the login session is over")
        # And again: it is asked for anew.
        async with chat(tmp_path, daemon.url, room_id) as terminal:
            await terminal.see(f"Password of {ada.email}:")
            terminal.type(f"another good one{ENTER}")
            await terminal.see("online")
        async with chat(tmp_path, daemon.url, "--log-out") as terminal:
            await terminal.see("logged out")
            assert await terminal.ended() == 0
        async with chat(tmp_path, daemon.url, room_id) as terminal:
            await terminal.see("E-mail address:")


def _seconds_left(token: str) -> float:
    claims: dict[str, float] = jwt.decode(token, options={"verify_signature": False})
    return claims["exp"] - time.time()


async def test_an_access_token_that_is_too_old_is_renewed(tmp_path: Path) -> None:
    settings = {**QUICK, "REICHATD_AUTH_ACCESS_TOKEN_MINUTES": "0.05"}
    daemon = DaemonProcess(tmp_path, settings)
    try:
        await daemon.start()
        async with await newcomer(daemon, "ada") as ada:
            room_id = await open_room(ada, name="Lounge")
            async with chat(tmp_path, daemon.url, room_id, "--email", ada.email) as terminal:
                await log_in(terminal, ada.email)
                await terminal.see("online")
                assert await daemon.stop() == 0
                await terminal.see("offline:")
                login = json.loads(login_file(tmp_path).read_text())[daemon.url]
                await trio.sleep(_seconds_left(login["access_token"]) + 0.1)
                await daemon.start()
                await terminal.see("online")
                terminal.type(f"Still here{ENTER}")
                await terminal.see("ada  Still here")
        assert await daemon.stop() == 0
    finally:
        daemon.kill()


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["http://127.0.0.1:1"], 69, "refused"),
        (["http://192.0.2.1"], 2, "--insecure"),
        (["ftp://127.0.0.1"], 2, "https://HOST"),
        (["http://127.0.0.1:99999"], 2, "URL:"),
    ],
)
async def test_what_cannot_be_done_is_said_in_a_line(
    tmp_path: Path, arguments: list[str], status: int, text: str
) -> None:
    async with chat(tmp_path, *arguments, "--email", "ada@example.org") as terminal:
        if status == 69:
            await log_in(terminal, "ada@example.org")
        assert await terminal.ended() == status
        await terminal.see(text)
        assert "Traceback" not in terminal.text


async def test_a_wrong_password(tmp_path: Path) -> None:
    async with (
        running(tmp_path, **QUICK) as daemon,
        await newcomer(daemon, "ada") as ada,
        chat(tmp_path, daemon.url, "--email", ada.email) as terminal,
    ):
        await terminal.see("Password of")
        terminal.type(f"wrong{ENTER}")
        await terminal.see("reichatd: Invalid password")
        assert await terminal.ended() == 65
