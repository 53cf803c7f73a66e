"""`reichatd user`, `room` and `stats` as real processes, on the store itself and with a running daemon."""

import json
import re
import signal
import sqlite3
import stat
import subprocess
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
import trio

from reichatd import __version__
from reichatd.cli import exit_status
from tests.cli.commands import CHEAP, INTERRUPT, Commands
from tests.process import COMMAND_SECONDS, PROGRAM, DaemonProcess, refusal, running


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path)


@pytest.fixture(params=["store", "daemon"])
async def either(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Commands]:
    """Commands without a daemon, and with one."""
    if request.param == "store":
        yield Commands(tmp_path)
    else:
        async with running(tmp_path, **CHEAP):
            yield Commands(tmp_path)


async def in_thread(call: object, *arguments: object) -> None:
    await trio.to_thread.run_sync(call, *arguments)  # type: ignore[arg-type]


async def test_users_and_rooms_from_the_first_to_the_last_command(either: Commands) -> None:
    await in_thread(use_all_commands, either)


def use_all_commands(commands: Commands) -> None:
    ann, bob = commands.add("ann"), commands.add("bob")
    assert [user["email"] for user in commands.json("user", "list")] == ["ann@example.org", "bob@example.org"]
    assert commands.json("room", "create", "Lounge", "--owner", ann, "--id", "lounge")["room_id"] == "lounge"
    secret = ("--owner", "bob@example.org", "--id", "den", "--description", "Quiet", "--password-stdin")
    commands.json("room", "create", "Den", *secret, stdin="a password\n")
    assert [(room["room_id"], room["private"]) for room in commands.json("room", "list")] == [
        ("den", True),
        ("lounge", False),
    ]
    assert commands.json("room", "ban", "lounge", bob, "--yes")["change"] == "banned"
    people = commands.json("room", "show", "lounge")["people"]
    assert [(person["user_id"], person["banned"]) for person in people] == [(ann, False), (bob, True)]
    assert commands.json("user", "show", bob)["banned_from"] == ["lounge"]
    assert commands.json("room", "unban", "lounge", bob)["change"] == "unbanned"
    assert commands.json("user", "disable", bob, "--yes")["change"] == "disabled"
    assert commands.json("user", "show", bob)["disabled"] is True
    assert commands.json("user", "enable", bob)["change"] == "enabled"
    assert commands.json("user", "logout", bob)["change"] == "logged_out"
    commands.run("user", "remove-totp", bob, "--yes", status=exit_status.NOT_FOUND)
    assert commands.json("user", "set-password", bob, "--password-stdin", stdin="a new password\n") == {
        "change": "password_set",
        "user_id": bob,
        "email": "bob@example.org",
    }
    commands.run("user", "delete", bob, "--yes", status=exit_status.REFUSED)
    assert commands.json("user", "delete", bob, "--transfer-to", ann, "--yes")["change"] == "deleted"
    assert commands.json("room", "show", "den")["owner"] == ann
    assert commands.json("room", "delete", "den", "--yes")["change"] == "deleted"
    stats = commands.json("stats")
    assert (stats["users"], stats["rooms"]) == (1, 1)


async def test_what_does_not_exist_or_is_not_allowed_has_its_exit_status(either: Commands) -> None:
    await in_thread(request_what_is_refused, either)


def request_what_is_refused(commands: Commands) -> None:
    ann = commands.add("ann")
    for arguments in (("user", "show", "bob"), ("room", "show", "den"), ("user", "verify", "bob@example.org")):
        done = commands.run(*arguments, status=exit_status.NOT_FOUND)
        assert done.stdout == ""
        assert done.stderr.startswith("reichatd: No ")
    commands.run("user", "add", "ann@example.org", "ann", "--generate", status=exit_status.REFUSED)
    short = commands.run("user", "set-password", ann, "--password-stdin", stdin="short\n", status=exit_status.REFUSED)
    assert "new_password: must have 8 to 128 characters" in short.stderr
    hostile = commands.run("user", "show", "x\x1b[2J", status=exit_status.NOT_FOUND)
    assert "\x1b" not in hostile.stderr
    assert "not UTF-8" in commands.run("user", "show", "\udcff", status=exit_status.REFUSED).stderr


async def test_only_show_finds_a_user_by_name_and_errors_list_candidates(either: Commands) -> None:
    await in_thread(use_names, either)


def use_names(commands: Commands) -> None:
    ann = commands.add("ann")
    assert commands.json("user", "show", "ANN")["user_id"] == ann
    anna = commands.json("user", "add", "anna@example.org", "Ann", "--generate")["user_id"]
    several = commands.run("user", "show", "ann", "--json", status=exit_status.REFUSED)
    assert [user["user_id"] for user in json.loads(several.stdout)] == [ann, anna]
    assert "2 users are called ann" in several.stderr
    # Commands that change something need the exact user or room. Their errors list the ones with that name.
    for arguments in (("user", "disable", "ann"), ("user", "delete", "ann")):
        error = commands.run(*arguments, "--yes", status=exit_status.NOT_FOUND).stderr
        assert f"No user ann; called so: ann@example.org ({ann}), anna@example.org ({anna})" in error
    commands.run("room", "create", "Lounge", "--owner", ann, "--id", "room1")
    assert (
        "No room lounge; called so: room1"
        in commands.run("room", "show", "lounge", status=exit_status.NOT_FOUND).stderr
    )
    error = commands.run("room", "kick", "room1", "ann", "--yes", status=exit_status.NOT_FOUND).stderr
    assert f"called so: ann@example.org ({ann})" in error
    (room,) = commands.json("room", "list")
    assert (room["owner"], room["owner_name"]) == (ann, "ann")
    assert commands.json("room", "show", "room1")["owner_name"] == "ann"
    lines = [line.split() for line in commands.run("room", "show", "room1").stdout.splitlines()]
    assert ["owner", "ann", f"({ann})"] in lines
    assert f"ann ({ann})" in commands.at_terminal("room", "list")[1]
    header, row = commands.run("room", "list").stdout.splitlines()
    assert dict(zip(header.split("\t"), row.split("\t"), strict=True))["owner"] == ann


async def test_the_exports(either: Commands) -> None:
    await in_thread(export_all, either)


def export_all(commands: Commands) -> None:
    ann = commands.add("ann")
    commands.json("room", "create", "Lounge", "--owner", ann, "--id", "lounge")
    file = commands.directory / "ann.json"
    assert commands.run("user", "export", ann, "-o", str(file)).stdout == ""
    records = [json.loads(line) for line in file.read_text().splitlines()]
    assert [record["type"] for record in records] == ["user_details", "membership", *["activity"] * 3]
    assert [record["event"] for record in records[2:]] == ["user_added", "room_created", "data_exported"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    lines = commands.run("room", "export", "lounge").stdout.splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["room_details", "person"]
    commands.run("user", "export", "nobody", "-o", str(file), status=exit_status.NOT_FOUND)
    assert len(file.read_text().splitlines()) == len(records), "an existing file stays until the new one is complete"
    nowhere = commands.directory / "no" / "file"
    error = commands.run("user", "export", ann, "-o", str(nowhere), status=exit_status.CANNOT_CREATE).stderr
    assert error == f"reichatd: {nowhere}: the directory {nowhere.parent} does not exist\n"
    assert [path.name for path in commands.directory.iterdir() if "ann" in path.name] == ["ann.json"]


async def test_a_running_daemon_does_the_work(tmp_path: Path) -> None:
    commands = Commands(tmp_path)
    async with running(tmp_path, **CHEAP) as daemon:
        figures = (await trio.to_thread.run_sync(commands.json, "stats"))["daemon"]
        assert (figures["version"], figures["pid"], figures["connections"]) == (__version__, daemon.pid, 0)
        assert figures["uptime_seconds"] > 0
        assert figures["refusals"]["login"] == 0
        assert (figures["changes"]["changed"], figures["changes_delivered"]) == (0, 0)
        printed = (await trio.to_thread.run_sync(commands.run, "stats")).stdout
        assert ["refused:", "login", "0"] in [line.split() for line in printed.splitlines()]
        control = commands.data / "control.sock"
        assert stat.S_IMODE(control.stat().st_mode) == 0o600
        assert '"do": "GetStats", "outcome": "done"' in daemon.output
    assert not control.exists()
    assert (await trio.to_thread.run_sync(commands.json, "stats"))["daemon"] is None


async def test_a_second_daemon_is_refused_and_a_killed_one_can_start_again(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path, CHEAP)
    await daemon.start()
    second = await trio.to_thread.run_sync(refusal, tmp_path, CHEAP)
    assert second.returncode == exit_status.CANNOT_LISTEN
    assert "server.control_socket" in second.stderr
    daemon.kill()
    assert (tmp_path / "share" / "reichatd" / "control.sock").exists()
    await daemon.start()
    commands = Commands(tmp_path)
    assert (await trio.to_thread.run_sync(commands.json, "stats"))["daemon"]["pid"] == daemon.pid
    assert await daemon.stop() == 0


async def test_the_control_socket_can_have_another_path_or_be_off(tmp_path: Path) -> None:
    elsewhere = {"REICHATD_SERVER_CONTROL_SOCKET": str(tmp_path / "run" / "chat")}
    async with running(tmp_path, **CHEAP, **elsewhere):
        assert (tmp_path / "run" / "chat").is_socket()
        assert (await trio.to_thread.run_sync(Commands(tmp_path, elsewhere).json, "stats"))["daemon"] is not None
    nowhere = {"REICHATD_SERVER_CONTROL_SOCKET": ""}
    async with running(tmp_path, **CHEAP, **nowhere):
        assert not (tmp_path / "share" / "reichatd" / "control.sock").exists()
        commands = Commands(tmp_path, nowhere)
        assert (await trio.to_thread.run_sync(commands.json, "stats"))["daemon"] is None
        await trio.to_thread.run_sync(commands.add, "ann")
    blocked = await trio.to_thread.run_sync(
        refusal, tmp_path, CHEAP | {"REICHATD_SERVER_CONTROL_SOCKET": "/proc/nowhere/chat"}
    )
    assert blocked.returncode == exit_status.CANNOT_CREATE
    (line,) = blocked.stderr.splitlines()
    assert line.startswith("reichatd: server.control_socket: /proc/nowhere/chat: ")


async def test_the_daemon_starts_even_if_the_default_control_socket_cannot_be_created(tmp_path: Path) -> None:
    blocked = tmp_path / "share" / "reichatd" / "control.sock"
    blocked.mkdir(parents=True)
    async with running(tmp_path, **CHEAP) as daemon:
        assert "no control socket" in daemon.output
        assert str(blocked) in daemon.output


async def test_a_command_waits_for_a_suspended_daemon(tmp_path: Path) -> None:
    commands = Commands(tmp_path)
    async with running(tmp_path, **CHEAP) as daemon:
        daemon.signal(signal.SIGSTOP)
        async with trio.open_nursery() as nursery:
            waiting: trio.Process = await nursery.start(
                partial(trio.run_process, [*PROGRAM, "stats"], env=commands.environ, stdout=subprocess.PIPE)
            )
            with trio.move_on_after(0.5):
                await waiting.wait()
            assert waiting.returncode is None
            daemon.signal(signal.SIGCONT)
            assert waiting.stdout is not None
            with trio.fail_after(COMMAND_SECONDS):
                out = b"".join([chunk async for chunk in waiting.stdout])
        assert re.search(rf"^pid +{daemon.pid}$", out.decode(), re.MULTILINE)


def test_only_user_add_creates_a_store(commands: Commands) -> None:
    for arguments in (("user", "list"), ("stats",), ("room", "delete", "x", "--yes"), ("user", "export", "x")):
        done = commands.run(*arguments, status=exit_status.UNREADABLE)
        assert str(commands.data / "reichatd.sqlite3") in done.stderr
    assert not commands.data.exists()
    commands.add("ann")
    assert len(commands.json("user", "list")) == 1


def test_without_a_terminal_a_table_becomes_plain_columns(commands: Commands) -> None:
    ann = commands.add("ann")
    header, row = commands.run("user", "list").stdout.splitlines()
    assert header.split("\t") == ["user_id", "email", "username", "created_at", "disabled"]
    assert row.split("\t")[:3] == [ann, "ann@example.org", "ann"]
    status, seen = commands.at_terminal("user", "list")
    assert status == 0
    assert "─" in seen
    assert "ann@example.org" in seen
    assert "users          1\n" in commands.run("stats").stdout


def test_a_password_must_be_utf8(commands: Commands) -> None:
    command = [*PROGRAM, "user", "add", "bob@example.org", "bob", "--password-stdin"]
    done = subprocess.run(command, env=commands.environ, input=b"a good p\xe4ssword\n", capture_output=True)
    assert (done.returncode, done.stderr) == (exit_status.BAD_DATA, b"reichatd: standard input is not UTF-8\n")


def test_a_password_is_asked_for_twice(commands: Commands) -> None:
    commands.run("user", "add", "bob@example.org", "bob", status=2)
    status, seen = commands.at_terminal(
        "user",
        "add",
        "ann@example.org",
        "ann",
        typed=[("New password:", "a good one\n"), ("confirmation:", "a good one\n")],
    )
    assert status == 0, seen
    assert "a good one" not in seen
    assert commands.json("user", "show", "ann@example.org")["username"] == "ann"
    commands.run("user", "set-password", "ann@example.org", "--generate", "--password-stdin", status=2)


def test_a_command_that_cannot_be_undone_asks(commands: Commands) -> None:
    ann = commands.add("ann")
    commands.run("room", "create", "Lounge", "--owner", ann, "--id", "lounge")
    destructive = (
        ("user", "disable", ann),
        ("user", "delete", ann),
        ("room", "delete", "lounge"),
        ("room", "kick", "lounge", ann),
        ("room", "ban", "lounge", ann),
        ("room", "transfer", "lounge", ann),
    )
    for arguments in destructive:
        assert "--yes" in commands.run(*arguments, status=2).stderr
    status, seen = commands.at_terminal("room", "delete", "lounge", typed=[("[y/N]:", "n\n")])
    assert (status, "nothing was changed" in seen) == (1, True)
    status, seen = commands.at_terminal("room", "delete", "lounge", typed=[("[y/N]:", INTERRUPT)])
    assert (status, "nothing was changed" in seen) == (130, True)
    assert len(commands.json("room", "list")) == 1
    status, _ = commands.at_terminal("room", "delete", "lounge", typed=[("[y/N]:", "y\n")])
    assert status == 0
    assert commands.json("room", "list") == []


def fill(commands: Commands, messages: int) -> None:
    """Creates a room, `lounge`, with this number of messages from ann."""
    ann = commands.add("ann")
    commands.run("room", "create", "Lounge", "--owner", ann, "--id", "lounge")
    with closing(sqlite3.connect(commands.data / "reichatd.sqlite3")) as db, db:
        db.execute(
            "WITH RECURSIVE ids (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < ?)"
            " INSERT INTO messages (id, user_id, content, timestamp)"
            " SELECT (1 << 32) | id, ?, 'message ' || id, 1.5 FROM ids",
            (messages, ann),
        )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_export_that_is_interrupted_leaves_no_file(commands: Commands, number: signal.Signals) -> None:
    fill(commands, 200_000)
    file = commands.directory / "lounge.json"
    export = subprocess.Popen(
        [*PROGRAM, "room", "export", "lounge", "-o", str(file)],
        env=commands.environ,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list(commands.directory.glob(".lounge.json.*")):
        assert export.poll() is None
    export.send_signal(number)
    _, error = export.communicate(timeout=COMMAND_SECONDS)
    assert (export.returncode, "interrupted" in error) == (128 + number, True)
    assert list(commands.directory.glob("*lounge.json*")) == []
    commands.run("room", "export", "lounge", "-o", str(file))
    lines = file.read_bytes().splitlines()
    assert len(lines) == 200_002
    assert json.loads(lines[-1])["message_id"] == 200_000


def test_the_next_command_finishes_an_interrupted_deletion(commands: Commands) -> None:
    fill(commands, 200_000)
    deletion = subprocess.Popen(
        [*PROGRAM, "room", "delete", "lounge", "--yes"], env=commands.environ, stdout=subprocess.PIPE
    )
    with closing(sqlite3.connect(commands.data / "reichatd.sqlite3", timeout=30)) as db:
        while db.execute("SELECT count(*) FROM rooms").fetchone() == (1,):
            assert deletion.poll() is None
        deletion.send_signal(signal.SIGINT)
        deletion.communicate(timeout=COMMAND_SECONDS)
        assert deletion.returncode == 130
        assert db.execute("SELECT count(*) FROM messages").fetchone()[0] > 0
        commands.run("room", "delete", "lounge", "--yes")
        assert db.execute("SELECT count(*) FROM messages").fetchone() == (0,)
    commands.run("room", "delete", "lounge", "--yes", status=exit_status.NOT_FOUND)


def test_an_export_stops_if_its_reader_closes_the_pipe(commands: Commands) -> None:
    fill(commands, 50_000)
    export = subprocess.Popen(
        [*PROGRAM, "room", "export", "lounge"],
        env=commands.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert export.stdout is not None
    assert json.loads(export.stdout.readline())["type"] == "room_details"
    export.stdout.close()
    assert export.stderr is not None
    assert export.stderr.read() == ""
    assert export.wait(COMMAND_SECONDS) == 1
    export.stderr.close()


async def test_a_user_without_access_to_the_control_socket_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path, **CHEAP):
        (tmp_path / "share" / "reichatd" / "control.sock").chmod(0)
        commands = Commands(tmp_path)
        done = await trio.to_thread.run_sync(
            partial(commands.run, "stats", status=exit_status.NOT_PERMITTED, privileged=False)
        )
        assert "may not use" in done.stderr


@pytest.mark.parametrize("arguments", [["user", "list"], ["retention", "show"]])
def test_a_user_without_access_to_the_store_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    commands = Commands(tmp_path, {"REICHATD_SERVER_CONTROL_SOCKET": ""})
    commands.data.mkdir(parents=True, mode=0)
    try:
        done = commands.run(*arguments, status=exit_status.NOT_PERMITTED, privileged=False)
    finally:
        commands.data.chmod(0o700)
    assert f"may not use {commands.data / 'reichatd.sqlite3'}" in done.stderr


def test_options_of_invite_are_refused_before_a_subcommand(commands: Commands) -> None:
    refused = commands.run("invite", "--room", "den", "list", status=2)
    assert "--room before list: options of list come after it" in refused.stderr
    assert not commands.data.exists()


def test_an_invitation_has_a_number_of_uses_or_none(commands: Commands) -> None:
    refused = commands.run("invite", "--uses", "1", "--unlimited", status=2)
    assert "--uses and --unlimited cannot be used together" in refused.stderr
    assert not commands.data.exists()
