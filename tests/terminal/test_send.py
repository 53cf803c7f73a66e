"""`reichatd send`, called as scripts call it."""

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import trio

from reichatd.cli import exit_status
from tests.client import PASSWORD, Person, enrol, open_room, registered_user
from tests.end_to_end.conftest import FREE, QUICK
from tests.process import DaemonProcess, environment, running

SECONDS = 60.0


class Script:
    """Calls `reichatd send` with its own home directory."""

    def __init__(self, home: Path, **environ: str) -> None:
        self.home = home
        self.environ = environment(home, {"XDG_STATE_HOME": str(home / "state"), **environ})

    async def __call__(
        self, *arguments: str | bytes, status: int = 0, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[str]:
        """Makes one call, which must exit with this status."""
        command = [sys.executable, "-W", "error", "-m", "reichatd", "send", *arguments]
        with trio.fail_after(SECONDS):
            done = await trio.run_process(
                command, stdin=stdin, capture_stdout=True, capture_stderr=True, check=False, env=self.environ
            )
        assert done.returncode == status, (done.returncode, done.stderr.decode())
        assert b"Traceback" not in done.stderr
        return subprocess.CompletedProcess(command, status, done.stdout.decode(), done.stderr.decode())

    @property
    def logins(self) -> dict[str, dict[str, str]]:
        logins: dict[str, dict[str, str]] = json.loads((self.home / "state" / "reichatd" / "logins.json").read_text())
        return logins


async def said(person: Person, room_id: str) -> list[str]:
    async with person.talk(room_id) as talk:
        return [message["content"] for message in (await talk.receive("initial_state"))["messages"]]


async def test_scripts_post(tmp_path: Path) -> None:
    async with (
        running(tmp_path, **QUICK) as daemon,
        await registered_user(daemon, "ada") as ada,
        await registered_user(daemon, "bot") as bot,
    ):
        room_id = await open_room(ada, name="The Lounge", room_id="lounge")
        secret = tmp_path / "password"
        secret.write_text(f"{PASSWORD}\n")
        send = Script(tmp_path, REICHATD_EMAIL=bot.email, REICHATD_PASSWORD_FILE=str(secret))
        done = await send(daemon.url, room_id, "Backup done")
        assert (done.stdout, done.stderr) == ("", "")
        assert (await send(daemon.url, "the lounge", "-", "-v", stdin=b"\n  a:\n    b\n\n")).stdout == "2\n"
        done = await send(daemon.url, room_id, "--json", stdin="Grüße ".encode() + b"\xff")
        assert json.loads(done.stdout) == {"room_id": room_id, "message_id": 3}
        # Sent twice with the same nonce, it is stored once.
        for _ in range(2):
            assert (await send(daemon.url, room_id, "Once", "--nonce", "job-1", "-v")).stdout == "4\n"
        assert await said(ada, room_id) == ["Backup done", "  a:\n    b", "Grüße \ufffd", "Once"]
        assert list(send.logins) == [f"{bot.email} {daemon.url}"], (
            "one login for all calls, in addition to the person's own"
        )
        # Later calls need no password.
        assert (
            await Script(tmp_path, REICHATD_EMAIL=bot.email)(daemon.url, room_id, "Still here", "-v")
        ).stdout == "5\n"
        await check_refusals(daemon, ada, bot, tmp_path)


async def check_refusals(daemon: DaemonProcess, ada: Person, bot: Person, home: Path) -> None:
    send = Script(home, REICHATD_EMAIL=bot.email, REICHATD_PASSWORD=PASSWORD)
    long = await send(daemon.url, "lounge", "-", status=exit_status.REFUSED, stdin=b"x" * 5_007)
    assert long.stderr == "reichatd: 7 characters too long: a message has at most 5,000\n"
    assert "empty" in (await send(daemon.url, "lounge", " ", status=exit_status.REFUSED)).stderr
    assert "nowhere" in (await send(daemon.url, "nowhere", "Hello", status=exit_status.NOT_FOUND)).stderr
    secret_id = await open_room(ada, name="Secret", password="open sesame")
    assert "password" in (await send(daemon.url, secret_id, "Hello", status=exit_status.REFUSED)).stderr.lower()
    await ada.call("POST", f"/room/lounge/ban/{bot.user_id}")
    await send(daemon.url, "lounge", "Hello", status=exit_status.NOT_PERMITTED)
    # Logins.
    wrong = Script(home, REICHATD_EMAIL=ada.email, REICHATD_PASSWORD="wrong")
    assert "Invalid password" in (await wrong(daemon.url, "lounge", "Hello", status=exit_status.REFUSED)).stderr
    nobody = Script(home / "else")
    assert "not logged in" in (await nobody(daemon.url, "lounge", "Hello", status=exit_status.NOT_PERMITTED)).stderr
    gone = await nobody(
        daemon.url,
        "lounge",
        "x",
        "--password-file",
        str(home / "no"),
        "--email",
        "a@b.c",
        status=exit_status.UNREADABLE,
    )
    assert str(home / "no") in gone.stderr


async def test_if_the_login_cannot_be_saved_its_session_is_ended(tmp_path: Path) -> None:
    async with running(tmp_path, **QUICK) as daemon, await registered_user(daemon, "ada") as ada:
        room_id = await open_room(ada)
        send = Script(tmp_path, REICHATD_EMAIL=ada.email, REICHATD_PASSWORD=PASSWORD, XDG_STATE_HOME="/proc/nowhere")
        assert (await send(daemon.url, room_id, "Hello", "-v")).stdout == "1\n"
        command = [sys.executable, "-m", "reichatd", "user", "show", ada.user_id, "--json"]
        shown = await trio.run_process(command, capture_stdout=True, env=send.environ)
        assert json.loads(shown.stdout)["sessions"] == 1, "only the test's own"


async def hang_up_once(port: int) -> None:
    """Replaces the stopped daemon: accepts one connection, and closes it without an answer."""
    (listener,) = await trio.open_tcp_listeners(port, host="127.0.0.1")
    async with listener:
        with trio.fail_after(SECONDS):
            stream = await listener.accept()
        await stream.aclose()


async def test_a_message_survives_a_restart_of_the_daemon(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path, QUICK | FREE)
    send = Script(tmp_path, REICHATD_PASSWORD=PASSWORD)
    try:
        await daemon.start()
        async with await registered_user(daemon, "ada") as ada:
            room_id = await open_room(ada)
            send.environ["REICHATD_EMAIL"] = ada.email
            await send(daemon.url, room_id, "One")
            assert await daemon.stop() == 0
            away = await send(daemon.url, room_id, "Lost", "--timeout", "1", status=exit_status.STORE_UNAVAILABLE)
            assert away.stderr.startswith(f"reichatd: {daemon.url}: ")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(send, daemon.url, room_id, "Two", "--timeout", str(SECONDS)))
                await hang_up_once(daemon.port)
                await daemon.start()
            # A daemon that no longer answers.
            daemon.signal(signal.SIGSTOP)
            await send(daemon.url, room_id, "Three", "--timeout", "1", status=exit_status.STORE_UNAVAILABLE)
            daemon.signal(signal.SIGCONT)
            assert await said(ada, room_id) == ["One", "Two"]
        assert await daemon.stop() == 0
    finally:
        daemon.signal(signal.SIGCONT)
        daemon.kill()


async def test_a_message_without_an_answer_may_be_stored_or_not(tmp_path: Path) -> None:
    # Another program locks the store: the commit waits, then fails and is tried again, so no ack comes.
    import sqlite3

    async with running(tmp_path, **QUICK) as daemon, await registered_user(daemon, "ada") as ada:
        room_id = await open_room(ada)
        send = Script(tmp_path, REICHATD_EMAIL=ada.email, REICHATD_PASSWORD=PASSWORD)
        await send(daemon.url, room_id, "One")
        db = sqlite3.connect(tmp_path / "share" / "reichatd" / "reichatd.sqlite3", isolation_level=None, timeout=20)
        try:
            db.execute("BEGIN IMMEDIATE")
            done = await send(
                daemon.url, room_id, "Two", "--nonce", "two", "--timeout", "10", status=exit_status.TRY_AGAIN
            )
            assert "sent, but no answer in time" in done.stderr
            db.execute("ROLLBACK")
        finally:
            db.close()
        assert (await send(daemon.url, room_id, "Two", "--nonce", "two", "-v")).stdout == "2\n"
        assert await said(ada, room_id) == ["One", "Two"]


def test_usage_errors(tmp_path: Path) -> None:
    environ = environment(tmp_path, {})
    command = [sys.executable, "-m", "reichatd", "send"]
    for arguments, text in (
        (["http://192.0.2.1", "lounge", "x"], "--insecure"),
        (["ftp://127.0.0.1", "lounge", "x"], "https://HOST"),
    ):
        done = subprocess.run([*command, *arguments], env=environ, capture_output=True, text=True, timeout=SECONDS)
        assert (done.returncode, text in done.stderr) == (2, True)
    closed = subprocess.run(
        ["bash", "-c", '"$@" <&-', "bash", *command, "http://127.0.0.1:1", "lounge", "-"],
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert (closed.returncode, "empty" in closed.stderr) == (exit_status.REFUSED, True)


async def test_a_token_posts_without_a_login(tmp_path: Path) -> None:
    async with running(tmp_path, **QUICK) as daemon, await registered_user(daemon, "ada") as ada:
        room_id = await open_room(ada, name="The Lounge", room_id="lounge")
        await open_room(ada, name="Attic", room_id="attic")
        made = await ada.call("POST", "/user/tokens", 201, name="Backup", scopes=["read", "write"], rooms=[room_id])
        (tmp_path / "token").write_text(f"{made['token']}\n")
        send = Script(tmp_path, REICHATD_TOKEN=made["token"])
        assert (await send(daemon.url, "the lounge", "Backup done", "-v")).stdout == "1\n"
        by_file = Script(tmp_path, REICHATD_TOKEN_FILE=str(tmp_path / "token"))
        assert (await by_file(daemon.url, room_id, "Again", "-v")).stdout == "2\n"
        elsewhere = await send(daemon.url, "attic", "Hello", status=exit_status.NOT_PERMITTED)
        assert elsewhere.stderr == "reichatd: This token is for other rooms\n"
        assert not (tmp_path / "state").exists(), "no login is stored"
        await ada.call("DELETE", f"/user/tokens/{made['token_id']}")
        refused = await send(daemon.url, room_id, "Too late", status=exit_status.NOT_PERMITTED)
        assert refused.stderr == f"reichatd: the token is not valid at {daemon.url}\n"
        assert await said(ada, room_id) == ["Backup done", "Again"]


async def test_an_app_password_in_place_of_a_second_factor(tmp_path: Path) -> None:
    async with running(tmp_path, **QUICK) as daemon, await registered_user(daemon, "ada") as ada:
        room_id = await open_room(ada)
        await enrol(ada)
        refused = await Script(tmp_path, REICHATD_EMAIL=ada.email, REICHATD_PASSWORD=PASSWORD)(
            daemon.url, room_id, "Hello", status=exit_status.NOT_PERMITTED
        )
        assert "give an app password" in refused.stderr
        made = await ada.call("POST", "/user/app-passwords", 201, name="Scripts")
        await Script(tmp_path, REICHATD_EMAIL=ada.email, REICHATD_PASSWORD=made["password"])(
            daemon.url, room_id, "Hello"
        )
        assert await said(ada, room_id) == ["Hello"]
