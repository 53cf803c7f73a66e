"""The SQLite file of a running daemon is removed: the daemon reports it, acknowledges nothing more, and its data can be saved."""

import os
import shutil
from pathlib import Path

import trio

from tests.client import open_room, registered_users
from tests.doctor.examination import Examination
from tests.end_to_end.conftest import QUICK
from tests.process import data_file, running


def save(pid: int, file: Path, target: Path) -> None:
    """Copies the files that the process still has open, as reichatd(8) tells the operator."""
    target.mkdir()
    for name in (file.name, f"{file.name}-wal"):
        gone = f"{file.with_name(name)} (deleted)"
        shutil.copyfile(next(fd for fd in Path(f"/proc/{pid}/fd").iterdir() if os.readlink(fd) == gone), target / name)


async def test_a_removed_file_is_reported_and_can_be_saved(tmp_path: Path) -> None:
    file, saved = data_file(tmp_path), tmp_path / "saved"
    async with running(tmp_path, **QUICK) as daemon, registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        async with ada.talk(room_id) as talk:
            await talk.post("kept", "n1")
            for each in file.parent.glob(f"{file.name}*"):
                each.unlink()
            frame = await talk.submit("lost", "n2")
            assert (frame["type"], frame["code"]) == ("error", "unavailable")
            assert [one["content"] for one in await talk.fetch(1, 1)] == ["kept"]
        answer = await ada.try_login()
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        answer = await ada.http.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["checks"]["store"] == "the file was removed or replaced"
        found = await trio.to_thread.run_sync(
            lambda: Examination(
                tmp_path,
                "--idle",
                "0.1",
                REICHATD_SERVER_PORT=str(daemon.port),
                REICHATD_STORAGE_PATH=str(file),
                **QUICK,
            )
        )
        assert found["daemon.ready"].level == found["store.lost"].level == "error"
        assert str(daemon.pid) in found["store.lost"].text
        assert daemon.output.count("store file removed or replaced") == 1
        save(daemon.pid, file, saved)
    for each in saved.iterdir():
        shutil.copyfile(each, file.with_name(each.name))
    async with running(tmp_path, **QUICK) as daemon, registered_users(daemon, 1) as (bob,):
        await bob.call("POST", f"/room/{room_id}/join")
        async with bob.talk(room_id) as talk:
            assert [one["content"] for one in await talk.fetch(1, 1)] == ["kept"]
            assert await talk.post("more", "n3") >= 2
