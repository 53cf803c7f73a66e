"""The daemon with only the system calls that our unit allows: everything works as without the filter."""

import os
import signal
from pathlib import Path

from tests.client import PASSWORD, open_room, registered_users
from tests.process import running
from tests.system_call_filter import FILTERED


async def test_everything_works_under_the_filter(tmp_path: Path) -> None:
    async with running(tmp_path, FILTERED) as daemon, registered_users(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        closed = await open_room(ada, password="open sesame", room_id="closed")
        await bob.call("POST", f"/room/{closed}/join", password="open sesame")
        async with ada.talk(room_id) as writer, bob.talk(room_id) as reader:
            await reader.send("listen_latest")
            assert await writer.post("hello", "n") == 1
            assert [one["content"] for one in await reader.latest(1)] == ["hello"]
            daemon.signal(signal.SIGHUP)
            assert await writer.post("again", "m") == 2
        await bob.call("PUT", "/user/password", password=PASSWORD, new_password="another password")
        await bob.log_in("another password")
        hashing = {os.getpriority(os.PRIO_PROCESS, int(task)) for task in os.listdir(f"/proc/{daemon.pid}/task")}
        assert 19 in hashing, "the threads that hash passwords have the lowest priority"
    assert '"level": "error"' not in daemon.output
    assert "Traceback" not in daemon.output
