"""The SQLite file is removed under a running daemon: it says so everywhere, acknowledges nothing, and its data can be saved."""

import os
import shutil
from pathlib import Path

import trio

from tests.client import PASSWORD, crowd, open_room
from tests.doctor.examination import Examination
from tests.end_to_end.conftest import QUICK
from tests.process import running


def data_file(directory: Path) -> Path:
    return directory / "share" / "reichatd" / "reichatd.sqlite3"


def save(pid: int, file: Path, target: Path) -> None:
    """What reichatd(8) tells the operator to do: copies out what the process has open."""
    target.mkdir()
    for name in (file.name, f"{file.name}-wal"):
        gone = f"{file.with_name(name)} (deleted)"
        shutil.copyfile(next(fd for fd in Path(f"/proc/{pid}/fd").iterdir() if os.readlink(fd) == gone), target / name)


async def test_removed_noticed_and_saved(tmp_path: Path) -> None:
    file, saved = data_file(tmp_path), tmp_path / "saved"
    async with running(tmp_path, **QUICK) as daemon, crowd(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        async with ada.talk(room_id) as talk:
            await talk.post("kept", "n1")
            for each in file.parent.glob(f"{file.name}*"):
                each.unlink()
            await talk.send("message", content="lost", nonce="n2")
            while (frame := await talk.receive()).get("nonce") != "n2":
                pass
            assert (frame["type"], frame["code"]) == ("error", "unavailable")
            assert [one["content"] for one in await talk.fetch(1, 1)] == ["kept"]
        answer = await ada.http.post("/login", json={"email": ada.email, "password": PASSWORD})
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
    async with running(tmp_path, **QUICK) as daemon, crowd(daemon, 1) as (bob,):
        await bob.call("POST", f"/room/{room_id}/join")
        async with bob.talk(room_id) as talk:
            assert [one["content"] for one in await talk.fetch(1, 1)] == ["kept"]
            assert await talk.post("more", "n3") >= 2
