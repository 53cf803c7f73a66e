"""A community that only invited people join, from its first account on; and its audit log. On both stores."""

import json
import re
import signal
import subprocess
from pathlib import Path

import pytest
import trio

from reichatd.cli import exit_status
from tests.cli.commands import Commands
from tests.client import SECONDS, Person, open_room, printed_code
from tests.process import PROGRAM, DaemonProcess, environment, started

FIRST = re.compile(r"invite    for the first account, once: http\S+/#/invite/(\S+)")


@pytest.fixture
def idle(tmp_path: Path, storage: dict[str, str]) -> DaemonProcess:
    """A daemon that was never started."""
    return DaemonProcess(tmp_path, dict(storage))


async def first_invitation(daemon: DaemonProcess) -> str:
    """Waits for the invitation, which the daemon prints a moment after it says that it listens; returns its token."""
    with trio.fail_after(SECONDS):
        while (first := FIRST.search(daemon.output)) is None:  # noqa: ASYNC110 - another process prints it
            await trio.sleep(0.01)
        return first[1]


async def newcomer(daemon: DaemonProcess, name: str, token: str) -> Person:
    """Registers with an invitation, and logs in."""
    person = Person(daemon.url, name, f"{name}@example.org")
    await person.register(invite=token)
    await person.verify(await printed_code(daemon, person.email))
    await person.log_in()
    return person


async def run(daemon: DaemonProcess, *arguments: str) -> list[str]:
    """The lines that a command prints."""
    commands = Commands(daemon.directory, daemon.settings)
    done = await trio.to_thread.run_sync(lambda: commands.run(*arguments))
    return done.stdout.splitlines()


async def test_a_closed_community_grows_by_invitations(idle: DaemonProcess) -> None:
    idle.settings["REICHATD_AUTH_REGISTRATION"] = "invite"
    # Before the first start: the daemon has the same secret.
    early = json.loads("\n".join(await run(idle, "invite", "--json")))
    async with started(idle) as daemon:
        async with await newcomer(daemon, "ada", await first_invitation(daemon)) as ada:
            refused = await ada.http.post(
                "/register", json={"email": "eve@example.org", "password": "a good password", "username": "eve"}
            )
            assert (refused.status_code, refused.json()["code"]) == (403, "registration_closed")
            room_id = await open_room(ada, password="a room password")
            made = await ada.call("POST", f"/room/{room_id}/invites", 201, uses=1)
            async with await newcomer(daemon, "bob", made["invite"]) as bob, bob.talk(room_id) as talk:
                assert await talk.post("here I am", "1") == 1
            async with await newcomer(daemon, "cleo", early["url"].rpartition("/")[2]) as cleo:
                assert (await cleo.call("GET", "/user"))["rooms"] == []
            entries = (await ada.call("GET", f"/room/{room_id}/audit"))["entries"]
            assert [each["event"] for each in entries] == ["invite_used", "invite_created", "room_created"]
        assert await daemon.stop() == 0
        await daemon.start()
        assert len(FIRST.findall(daemon.output)) == 1, "there is an account"
        logins = await run(daemon, "audit", "--user", "bob@example.org", "--json")
        assert [json.loads(line)["event"] for line in logins] == ["invite_used", "registered", "login"]


async def test_the_audit_log_is_followed_until_ctrl_c(idle: DaemonProcess) -> None:
    async with started(idle) as daemon:
        await run(daemon, "user", "add", "ada@example.org", "ada", "--generate")
        follower = subprocess.Popen(  # noqa: ASYNC220 - returns at once
            [*PROGRAM, "audit", "--follow", "--since", "1h"],
            env=environment(daemon.directory, daemon.settings),
            cwd=daemon.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert follower.stdout is not None
            line = await trio.to_thread.run_sync(follower.stdout.readline)
            assert re.fullmatch(r"\S+Z  user_added  administrator  to ada \([0-9a-f]{24}\)\n", line)
            await run(daemon, "user", "disable", "ada@example.org", "--yes")
            assert "user_disabled" in await trio.to_thread.run_sync(follower.stdout.readline)
            follower.send_signal(signal.SIGINT)
            _, errors = await trio.to_thread.run_sync(follower.communicate)
            assert (follower.returncode, errors) == (exit_status.OK, "")
        finally:
            follower.kill()
            follower.wait()
