"""`reichatd reload`, as a real process, with a running daemon."""

import os
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import trio

from reichatd.cli import exit_status
from tests.cli.commands import CHEAP, Commands
from tests.process import DaemonProcess, running


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "config" / "reichatd" / "reichatd.toml"
    file.parent.mkdir(parents=True)
    file.touch()
    return file


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path)


@pytest.fixture
async def daemon(tmp_path: Path, file: Path) -> AsyncIterator[DaemonProcess]:
    async with running(tmp_path, **CHEAP) as daemon:
        yield daemon


async def test_it_prints_the_outcome_for_each_changed_key(
    daemon: DaemonProcess, commands: Commands, file: Path
) -> None:
    await trio.to_thread.run_sync(change_and_reload, commands, file)
    assert "hunter2" not in daemon.output


def change_and_reload(commands: Commands, file: Path) -> None:
    assert commands.run("reload").stdout == "Nothing has changed.\n"
    secret = "hunter2" * 8
    file.write_text(
        f'[limits]\nmessage_chars = 3\nclose_seconds = 1\n[auth]\nsecret_key = "{secret}"\n'
        '[server]\nallowed_origins = ["https://chat.example.org"]\n'
    )
    done = commands.run("reload")
    rows = {key: rest for key, *rest in (line.split("\t") for line in done.stdout.splitlines())}
    assert rows == {
        "key": ["old", "new", "outcome"],
        "server.allowed_origins": ["[]", '["https://chat.example.org"]', "applied"],
        "auth.secret_key": ["…", "…", "needs a restart"],
        "limits.message_chars": ["5000", "3", "applied"],
        "limits.close_seconds": ["2.0", "1.0", "applied to new connections"],
    }
    assert "hunter2" not in done.stdout + done.stderr
    file.write_text("[limits]\nmessage_chars = 4\n")
    outcomes = {setting["key"]: setting for setting in commands.json("reload")}
    assert outcomes["limits.message_chars"] == {
        "type": "setting",
        "key": "limits.message_chars",
        "outcome": "applied",
        "old": 3,
        "new": 4,
        "reason": "",
    }


async def test_with_a_mistake_in_the_file_it_fails_and_nothing_changes(
    daemon: DaemonProcess, commands: Commands, file: Path
) -> None:
    await trio.to_thread.run_sync(reload_mistakes, commands, file)
    assert "not reloaded" in daemon.output


def reload_mistakes(commands: Commands, file: Path) -> None:
    file.write_text("[limits]\nmessage_chars = 0\nnonce_chars = 1\nnonsense = 1\n")
    done = commands.run("reload", status=exit_status.CONFIGURATION)
    assert not done.stdout
    first, second, last = done.stderr.splitlines()
    assert "limits.message_chars: found 0; allowed: a whole number from 1" in first
    assert "limits.nonsense: found an unknown key" in second
    assert last == "reichatd: Not reloaded: all settings stay as they were"
    done = commands.run("reload", "--json", status=exit_status.CONFIGURATION)
    assert '"outcome": "rejected"' in done.stdout
    file.write_text("no TOML")
    assert "what is not TOML" in commands.run("reload", status=exit_status.CONFIGURATION).stderr
    file.write_text("")
    assert commands.run("reload").stdout == "Nothing has changed.\n", "no value of either file was applied"


def test_it_fails_if_no_daemon_runs(commands: Commands, file: Path) -> None:
    assert f"no daemon listens at {commands.data}" in commands.run("reload", status=exit_status.NO_DAEMON).stderr
    file.write_text('[server]\ncontrol_socket = ""\n')
    assert "use SIGHUP" in commands.run("reload", status=exit_status.NO_DAEMON).stderr


async def test_another_user_may_not_reload(daemon: DaemonProcess, commands: Commands) -> None:
    (commands.data / "control.sock").chmod(0)
    reload = partial(commands.run, "reload", status=exit_status.NOT_PERMITTED, privileged=False)
    done = await trio.to_thread.run_sync(reload)
    assert "may not use" in done.stderr


async def test_a_busy_daemon_answers_with_the_status_for_try_again(tmp_path: Path, commands: Commands) -> None:
    async with (
        running(tmp_path, **CHEAP, REICHATD_LIMITS_CONTROL_CONNECTIONS="1", REICHATD_LIMITS_REQUEST_SECONDS="60"),
        await trio.open_unix_socket(str(commands.data / "control.sock")),
    ):
        done = await trio.to_thread.run_sync(partial(commands.run, "reload", status=exit_status.TRY_AGAIN))
    assert not done.stdout
    assert "Too many administrators" in done.stderr


async def test_a_reload_whose_client_hangs_up_does_not_block_the_next_one(
    daemon: DaemonProcess, commands: Commands, file: Path
) -> None:
    """The settings file is a pipe to which nobody writes."""
    settings = trio.Path(file)
    await settings.unlink()
    os.mkfifo(file)
    async with await trio.open_unix_socket(str(commands.data / "control.sock")) as asker:
        await asker.send_all(b'{"do":"ReadSettings"}\n')
        writer = await trio.to_thread.run_sync(os.open, file, os.O_WRONLY)  # returns when the daemon opens the pipe
    try:
        await settings.unlink()
        await settings.write_text("[limits]\nmessage_chars = 3\n")
        (setting,) = await trio.to_thread.run_sync(commands.json, "reload")
        assert (setting["key"], setting["outcome"]) == ("limits.message_chars", "applied")
    finally:
        os.close(writer)
