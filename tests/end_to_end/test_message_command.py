"""`reichatd message` shows and deletes messages, with a running daemon and on the store itself."""

import json
from pathlib import Path
from typing import Any

import trio

from reichatd.cli import exit_status
from tests.cli.commands import Commands
from tests.client import Talk, open_room, registered_users
from tests.process import DaemonProcess, running

SECRET = "the password is hunter2"


async def run(commands: Commands, *arguments: str, status: int = 0) -> str:
    """What a command prints, which must end with this exit status."""
    done = await trio.to_thread.run_sync(lambda: commands.run("message", *arguments, status=status))
    return done.stdout


async def result(commands: Commands, *arguments: str, status: int = 0) -> Any:  # noqa: ANN401 - JSON
    return json.loads(await run(commands, *arguments, "--json", status=status))


async def fill(talk: Talk) -> None:
    """Three messages; the second is pinned and has a reaction."""
    for nonce, content in enumerate(("hello", SECRET, "bye")):
        await talk.post(content, f"{nonce}")
    await talk.send("react", message_id=2, emoji="👍", nonce="r")
    await talk.receive("ack")
    await talk.send("pin", message_id=2, nonce="p")
    await talk.receive("ack")


async def test_the_daemon_deletes_for_an_administrator_and_live_clients_see_it_in_order(daemon: DaemonProcess) -> None:
    commands = Commands(daemon.directory, daemon.settings)
    async with registered_users(daemon, 2) as (ada, eve):
        room_id = await open_room(ada, eve)
        async with ada.talk(room_id) as talk, eve.talk(room_id) as reader:
            await fill(talk)
            await reader.send("listen_latest", after_id=3, after_change=0)
            await reader.receive_to("caught_up")

            done = await result(commands, "delete", room_id, "2-3", "--yes")
            assert (done["deleted"], done["deleted_before"], done["missing"]) == ([2, 3], [], [])
            await talk.send("edit", message_id=1, content="hello!", nonce="e")
            changed = [(await reader.receive("message_changed"))["message"] for _ in range(3)]
            assert [(each["message_id"], each["content"]) for each in changed] == [
                (2, "(deleted)"),
                (3, "(deleted)"),
                (1, "hello!"),
            ]
            assert changed[0]["deleted"] == "moderator"
            assert not {"reactions", "pinned"} & changed[0].keys()
            assert [each["content"] for each in await reader.fetch(1, 3)] == ["hello!", "(deleted)", "(deleted)"]

        assert (await ada.call("GET", f"/room/{room_id}/pins"))["messages"] == []
        (entry, *_) = (await ada.call("GET", f"/room/{room_id}/audit"))["entries"]
        assert (entry["event"], entry["actor"]) == ("messages_deleted", "administrator")
        assert (entry["user_id"], entry["detail"]) == (ada.user_id, "2, 3")

        again = await result(commands, "delete", room_id, "3", "7", "--yes", status=exit_status.NOT_FOUND)
        assert (again["deleted"], again["deleted_before"], again["missing"]) == ([], [3], [7])


async def test_without_a_daemon_the_command_deletes_in_the_store(tmp_path: Path, storage: dict[str, str]) -> None:
    commands = Commands(tmp_path, storage)
    async with running(tmp_path, **storage) as daemon, registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        async with ada.talk(room_id) as talk:
            await fill(talk)

    def refuse() -> None:
        status, seen = commands.at_terminal("message", "delete", room_id, "2-3", typed=[("2-3?", "n\n")])
        assert (status, "nothing was changed" in seen) == (1, True)

    await trio.to_thread.run_sync(refuse)
    (message,) = await result(commands, "show", room_id, "2")
    assert (message["content"], message["username"]) == (SECRET, ada.name)
    assert message["reactions"] == [{"emoji": "👍", "count": 1, "users": [ada.user_id]}]
    assert message["pinned_by"] == ada.user_id
    shown = await run(commands, "show", room_id, "2-4", status=exit_status.NOT_FOUND)
    assert f"\n    {SECRET}\n\nmessage id" in shown
    assert "reactions   👍 1\n" in shown

    assert (await result(commands, "delete", room_id, "2", "--yes"))["deleted"] == [2]
    (message,) = await result(commands, "show", room_id, "2")
    assert (message["content"], message["deleted"]) == ("(deleted)", "moderator")
    assert (message["reactions"], message["pinned_by"]) == ([], "")
    entries = await trio.to_thread.run_sync(lambda: commands.run("audit", "--room", room_id, "--json").stdout)
    entry = json.loads(entries.splitlines()[-1])
    assert (entry["event"], entry["actor"], entry["detail"]) == ("messages_deleted", "administrator", "2")
    files = [path for path in commands.data.rglob("*") if path.is_file()]
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
