"""`reichatd chat` in a real pseudo-terminal, against a real daemon."""

import json
import signal
import stat
import time
from pathlib import Path

import jwt
import pytest
import trio

from reichatd.terminal.client import Login, ServerClient
from reichatd.terminal.conversation import Conversation, Outcome
from tests.client import PASSWORD, Person, enrol, open_room, registered_user
from tests.end_to_end.conftest import FREE, QUICK
from tests.mail.server import until
from tests.process import DaemonProcess, running
from tests.terminal.terminal import Terminal, chat

ENTER, PAGE_UP, PAGE_DOWN, CTRL_D = "\r", "\x1b[5~", "\x1b[6~", "\x04"
UP, BACKSPACE, CTRL_U = "\x1b[A", "\x7f", "\x15"


async def log_in(terminal: Terminal, email: str) -> None:
    await terminal.see(f"Password of {email}:")
    terminal.type(f"{PASSWORD}{ENTER}")


async def post(person: Person, room_id: str, *texts: str) -> None:
    async with person.talk(room_id) as talk:
        for number, text in enumerate(texts):
            await talk.post(text, f"{person.name}{number}")


async def test_log_in_choose_a_room_and_chat(tmp_path: Path) -> None:
    async with (
        running(tmp_path, **QUICK) as daemon,
        await registered_user(daemon, "ada") as ada,
        await registered_user(daemon, "bob") as bob,
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
        await check_login_file(tmp_path, ada)
        # The second time it does not ask for a password.
        async with chat(tmp_path, daemon.url, "attic") as terminal:
            await terminal.see("Attic · online", "bob  Welcome")


async def test_a_second_factor(tmp_path: Path) -> None:
    async with running(tmp_path, **QUICK) as daemon, await registered_user(daemon, "ada") as ada:
        room_id = await open_room(ada, name="Lounge")
        _, recovery = await enrol(ada)
        async with chat(tmp_path, daemon.url, room_id, "--email", ada.email) as terminal:
            await log_in(terminal, ada.email)
            await terminal.see("Code of your authenticator app, or a recovery code:")
            terminal.type(f"nonsense{ENTER}")
            await terminal.see("Wrong or expired code")
            terminal.type(f"{recovery[0]}{ENTER}")
            await terminal.see("Lounge · online")
        assert recovery[0] not in login_file(tmp_path).read_text()


def login_file(home: Path) -> Path:
    return home / ".local" / "state" / "reichatd" / "logins.json"


async def check_login_file(home: Path, ada: Person) -> None:
    file = login_file(home)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["logins.json"]
    (login,) = json.loads(file.read_text()).values()
    assert login["email"] == ada.email
    assert PASSWORD not in file.read_text()


async def test_messages_typed_while_the_daemon_is_down_arrive_once_and_none_is_missed(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path, QUICK)
    try:
        await daemon.start()
        async with await registered_user(daemon, "ada") as ada, await registered_user(daemon, "bob") as bob:
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


async def test_a_message_that_is_too_long_stays_in_the_input(tmp_path: Path) -> None:
    async with running(tmp_path, **QUICK) as daemon, await registered_user(daemon, "ada") as ada:
        room_id = await open_room(ada, name="Lounge")
        async with chat(tmp_path, daemon.url, room_id, "--email", ada.email) as terminal:
            await log_in(terminal, ada.email)
            await terminal.see("Lounge · online")
            await terminal.paste("x" * 5_002)
            terminal.type(ENTER)
            await terminal.see("2 characters too long")
            assert "waiting" not in terminal.text
            terminal.type(f"{BACKSPACE}{BACKSPACE}{ENTER}")
            await terminal.see("/help")
            async with ada.talk(room_id) as talk:
                (message,) = (await talk.receive("initial_state"))["messages"]
            assert message["content"] == "x" * 5_000


async def test_a_message_that_is_too_big_for_a_frame_is_refused_and_does_not_block_others(tmp_path: Path) -> None:
    async with running(tmp_path, **QUICK) as daemon, await registered_user(daemon, "ada") as ada:
        room_id = await open_room(ada)
        login = Login(ada.email, ada.user_id, ada.access_token, ada.refresh_token)
        outcomes: list[Outcome] = []
        async with ServerClient(daemon.url, login, lambda _: None) as server, trio.open_nursery() as nursery:
            conversation = Conversation(server, room_id, lambda: None, outcomes.append)
            conversation.post("One")
            conversation.post("x" * 77_000)
            conversation.post("Two")
            nursery.start_soon(conversation.run)
            await until(lambda: len(outcomes) == 3)
            nursery.cancel_scope.cancel()
    assert outcomes == [
        Outcome("One", 1, ""),
        Outcome("x" * 77_000, None, "the message is too big for this server"),
        Outcome("Two", 2, ""),
    ]


async def test_a_client_that_is_far_behind_jumps_to_the_end_and_can_scroll_up(tmp_path: Path) -> None:
    async with (
        running(tmp_path, **QUICK, **FREE) as daemon,
        await registered_user(daemon, "ada") as ada,
        await registered_user(daemon, "bob") as bob,
    ):
        room_id = await open_room(ada, bob)
        async with ada.talk(room_id) as talk:
            for number in range(1, 1_200):
                await talk.send("message", content=f"Number {number}.")
            await talk.post("The last one", "last")
        login = Login(bob.email, bob.user_id, bob.access_token, bob.refresh_token)
        async with ServerClient(daemon.url, login, lambda _: None) as server, trio.open_nursery() as nursery:
            conversation = Conversation(server, room_id, lambda: None)
            nursery.start_soon(conversation.run)
            await until(lambda: conversation.last_id == 1_200)
            assert [message.message_id for message in conversation.messages] == list(range(1_101, 1_201))
            assert conversation.notice == "1,050 more unread above: PgUp"
            conversation.ask_earlier()
            await until(lambda: conversation.messages[0].message_id == 1_001)
            await post(ada, room_id, "And one more")
            await until(lambda: conversation.last_id == 1_201)
            assert [message.message_id for message in conversation.messages] == list(range(1_001, 1_202))
            nursery.cancel_scope.cancel()


async def test_a_message_that_the_server_refuses_is_put_back_into_the_input(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path, dict(QUICK))
    try:
        await daemon.start()
        async with await registered_user(daemon, "ada") as ada:
            room_id = await open_room(ada, name="Lounge")
            async with chat(tmp_path, daemon.url, room_id, "--email", ada.email) as terminal:
                await log_in(terminal, ada.email)
                await terminal.see("Lounge · online")
                assert await daemon.stop() == 0
                daemon.settings["REICHATD_LIMITS_MESSAGE_CHARS"] = "5"
                await daemon.start()
                terminal.type(f"Too long now{ENTER}")
                await terminal.see("A message has 1 to 5 characters", "> Too long now")
                terminal.type(f"{CTRL_U}Short{ENTER}")
                await terminal.see("ada  Short")
        assert await daemon.stop() == 0
    finally:
        daemon.kill()


async def test_bytes_that_are_not_utf8_are_replaced(tmp_path: Path) -> None:
    async with running(tmp_path, **QUICK) as daemon, await registered_user(daemon, "ada") as ada:
        room_id = await open_room(ada, name="Lounge")
        async with chat(tmp_path, daemon.url, room_id) as terminal:
            await terminal.see("E-mail address:")
            terminal.type(f"\udcff{ENTER}")
            await terminal.see("That is not UTF-8; please type it again.\nE-mail address:")
            terminal.type(f"{ada.email}{ENTER}")
            await terminal.see(f"Password of {ada.email}:")
            terminal.type(f"\udcff{ENTER}")
            await terminal.miss("Traceback")
            await terminal.see(
                f"type it again.\nPassword of {ada.email}:"
            )  # input typed before the prompt is discarded
            await log_in(terminal, ada.email)
            await terminal.see("Lounge · online")
            terminal.type("Gr\udcfc\udcdfe")
            await terminal.see("> Gr\ufffd\ufffde", "what was not UTF-8")
            terminal.type(f", all{ENTER}")
            await terminal.see("ada  Gr\ufffd\ufffde, all")


async def test_a_line_that_begins_with_a_slash_is_a_command(tmp_path: Path) -> None:
    async with running(tmp_path, **QUICK) as daemon, await registered_user(daemon, "ada") as ada:
        room_id = await open_room(ada, name="Lounge")
        async with chat(tmp_path, daemon.url, room_id, "--email", ada.email) as terminal:
            await log_in(terminal, ada.email)
            await terminal.see("Lounge · online")
            terminal.type(f"/help{ENTER}")
            await terminal.see("/quit", "//text")
            terminal.type(f"/hlep{ENTER}")
            await terminal.see("no command /hlep; /help lists them", "> /hlep")
            await terminal.miss("//text ")
            terminal.type(f"{CTRL_U}//etc/hosts{ENTER}")
            await terminal.see("ada  /etc/hosts")
            terminal.type(f"/quit{ENTER}")
            assert await terminal.ended() == 0
            async with ada.talk(room_id) as talk:
                (message,) = (await talk.receive("initial_state"))["messages"]
            assert message["content"] == "/etc/hosts"


async def test_a_room_is_chosen_by_number_id_or_name(tmp_path: Path) -> None:
    async with running(tmp_path, **QUICK) as daemon, await registered_user(daemon, "ada") as ada:
        for room_id, name in (("attic", "The Attic"), ("cellar", "The Cellar")):
            await open_room(ada, name=name, room_id=room_id)
        async with chat(tmp_path, daemon.url, "--email", ada.email) as terminal:
            await log_in(terminal, ada.email)
            await terminal.see("Room (number, id or name) [1]:")
            terminal.type(f"garden{ENTER}")
            prompt = "\nRoom (number, id or name) [1]:"  # typed text before the newline moves the prompt
            await terminal.see("No room in the list has the number (1 to 2), id or name 'garden'.", f"URL ROOM{prompt}")
            terminal.type(f"the{ENTER}")
            await terminal.see("Several rooms are called 'the': attic, cellar.", f"one.{prompt}")
            terminal.type(f"the cellar{ENTER}")
            await terminal.see("The Cellar · online")
        async with chat(tmp_path, daemon.url, "The Attic") as terminal:
            await terminal.see("The Attic · online")
        async with chat(tmp_path, daemon.url, "Garden") as terminal:
            await terminal.see("reichatd: no room has the id or the name Garden")
            assert await terminal.ended() == 67


async def test_history_upwards(tmp_path: Path) -> None:
    async with running(tmp_path, **QUICK, **FREE) as daemon, await registered_user(daemon, "ada") as ada:
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


async def test_a_ban_ends_the_chat(tmp_path: Path) -> None:
    async with (
        running(tmp_path, **QUICK) as daemon,
        await registered_user(daemon, "ada") as ada,
        await registered_user(daemon, "bob") as bob,
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


async def test_a_login_session_that_has_ended(tmp_path: Path) -> None:
    async with running(tmp_path, **QUICK) as daemon, await registered_user(daemon, "ada") as ada:
        room_id = await open_room(ada, name="Lounge")
        async with chat(tmp_path, daemon.url, room_id, "--email", ada.email) as terminal:
            await log_in(terminal, ada.email)
            await terminal.see("online")
            await ada.call("PUT", "/user/password", password=PASSWORD, new_password="another good one")
            assert await terminal.ended() == 77
            await terminal.see("reichatd: the login session is over")
        # The next start asks for the password again.
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


async def test_an_expired_access_token_is_renewed(tmp_path: Path) -> None:
    settings = {**QUICK, "REICHATD_AUTH_ACCESS_TOKEN_MINUTES": "0.1"}
    daemon = DaemonProcess(tmp_path, settings)
    try:
        await daemon.start()
        async with await registered_user(daemon, "ada") as ada:
            room_id = await open_room(ada, name="Lounge")
            async with chat(tmp_path, daemon.url, room_id, "--email", ada.email) as terminal:
                await log_in(terminal, ada.email)
                await terminal.see("online")
                assert await daemon.stop() == 0
                await terminal.see("offline:")
                login = json.loads(login_file(tmp_path).read_text())[daemon.url]
                await trio.sleep(max(0.0, _seconds_left(login["access_token"]) + 0.1))
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
        (["https://nowhere.invalid"], 69, "https://nowhere.invalid: "),
        (["http://192.0.2.1"], 2, "--insecure"),
        (["ftp://127.0.0.1"], 2, "https://HOST"),
        (["http://127.0.0.1:99999"], 2, "URL:"),
    ],
)
async def test_errors_are_reported_in_one_line(tmp_path: Path, arguments: list[str], status: int, text: str) -> None:
    async with chat(tmp_path, *arguments, "--email", "ada@example.org") as terminal:
        assert await terminal.ended() == status
        await terminal.see(text)
        assert "Traceback" not in terminal.text
        assert "Password" not in terminal.text, "it must not ask for a password that it cannot use"


async def test_a_wrong_password(tmp_path: Path) -> None:
    async with (
        running(tmp_path, **QUICK) as daemon,
        await registered_user(daemon, "ada") as ada,
        chat(tmp_path, daemon.url, "--email", ada.email) as terminal,
    ):
        await terminal.see("Password of")
        terminal.type(f"wrong{ENTER}")
        await terminal.see("reichatd: Invalid password")
        assert await terminal.ended() == 65
