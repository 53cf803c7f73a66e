"""What was deleted is gone: from all files, and for good. The same with what a message said before it was edited."""

from pathlib import Path

import trio

from tests.client import Person, bearer, open_room, registered_users
from tests.end_to_end.conftest import QUICK
from tests.process import DaemonProcess, running

PROMISED_SECONDS = 60.0
BEGIN, END = "The treasure is under the old oak", "and the key is in the well"
SECRETS = [
    f"{BEGIN} {number} {'x' * length} {END} {number}" for number, length in enumerate([0, 4900, 0, 4900, 30, 2000])
]
"""Long ones have pages of their own in the file, and end on other pages than they begin."""


def files_with(text: str, directory: Path) -> list[str]:
    """The names of the files that contain a text: all that a daemon has written, its log included."""
    return [file.name for file in directory.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]


async def test_no_file_has_it_after_a_minute(tmp_path: Path) -> None:
    async with running(tmp_path, **QUICK) as daemon, registered_users(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        messages = f"/room/{room_id}/messages"
        async with bob.talk(room_id) as talk:
            for number, text in enumerate(SECRETS, 1):
                assert await talk.post(text, str(number)) == number
            assert files_with(BEGIN, tmp_path)
            assert files_with(END, tmp_path)
            for number in (1, 2):
                await talk.send("edit", message_id=number, content="Nothing", nonce=f"edit {number}")
            await talk.send("delete", message_ids=[3, 4], nonce="delete")
            for _ in range(3):
                await talk.receive("ack")
        await bob.call("PATCH", f"{messages}/5", content="Nothing")
        await ada.call("DELETE", f"{messages}/6")
        with trio.fail_after(PROMISED_SECONDS):
            while files_with(BEGIN, tmp_path) or files_with(END, tmp_path):  # noqa: ASYNC110 - by another process
                await trio.sleep(0.2)
        for path in (f"{messages}?from_id=1&to_id=6", "/user/export"):
            answer = await bob.http.get(path, headers=bearer(bob.access_token))
            assert answer.status_code == 200
            assert BEGIN not in answer.text
    assert files_with(BEGIN, tmp_path) == files_with(END, tmp_path) == []


async def test_a_post_that_is_sent_again_stays_deleted(daemon: DaemonProcess) -> None:
    """As by a client that has not got the ack, while another device of its user has deleted the message."""
    async with registered_users(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        async with ada.talk(room_id) as talk, bob.talk(room_id) as listener:
            await listener.send("listen_latest", after_id=0, after_change=0)
            await listener.receive("caught_up")
            assert await talk.post("Secret", "n") == 1
            assert [one["content"] for one in await listener.latest(1)] == ["Secret"]
            await ada.call("DELETE", f"/room/{room_id}/messages/1")
            assert (await listener.receive())["message"]["content"] == "(deleted)"

            assert await talk.post("Secret", "n") == 1
            again = await ada.call("POST", f"/room/{room_id}/messages", 200, content="Secret", nonce="n")
            assert again["message_id"] == 1
            assert await talk.post("On", "o") == 2
            new = await listener.receive()
            assert (new["type"], new["message"]["content"]) == ("latest_message", "On")
            assert await texts(bob, room_id) == ["(deleted)", "On"]


async def texts(reader: Person, room_id: str) -> list[str]:
    page = await reader.call("GET", f"/room/{room_id}/messages?from_id=1&to_id=100")
    return [message["content"] for message in page["messages"]]
