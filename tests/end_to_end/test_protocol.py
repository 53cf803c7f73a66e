"""The contract with clients, whole: three people in two rooms, over real sockets, with a real process."""

from pathlib import Path

from tests.client import newcomer
from tests.process import running


async def test_smoke(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, await newcomer(daemon, "ada") as ada:
        await ada.call("POST", "/room", 201, name="Room", description="A room", room_id="room1")
        async with ada.talk("room1") as talk:
            assert await talk.receive() == {"type": "initial_state", "last_read_id": 0, "messages": []}
            await talk.send("listen_latest")
            await talk.send("message", content=" hello ", nonce="n1")
            assert await talk.receive() == {"type": "ack", "nonce": "n1", "message_id": 1}
            first = await talk.receive("latest_message")
            assert first["message"]["content"] == "hello"
