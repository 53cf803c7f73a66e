"""A whole run, from documents in memory into a real SQLite file."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from reichatd.imports.run import Import, Report
from reichatd.imports.values import Document
from reichatd.settings import LimitSettings
from reichatd.store import Store
from reichatd.store.sqlite import open_store
from tests.store import samples


class Documents:
    """The older program's rooms; their keys are their ids. They have no members."""

    def __init__(self, *room_ids: str) -> None:
        created_at = datetime(2024, 1, 1, tzinfo=UTC)
        self._rooms = [{"_id": one, "room_id": one, "name": one, "created_at": created_at} for one in room_ids]

    async def users(self) -> Sequence[Document]:
        return []

    async def rooms(self) -> Sequence[Document]:
        return self._rooms

    async def room(self, key: object) -> Document | None:
        return next(room for room in self._rooms if room["_id"] == key)

    async def waiting(self) -> int:
        return 0


async def imported(store: Store | None, *room_ids: str) -> Report:
    run = Import(Documents(*room_ids), store, LimitSettings(), dry_run=store is None, progress=lambda *_: None)
    await run.run()
    return run.report


async def test_rooms_whose_ids_differ_in_case_only_get_different_ones(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "reichatd.sqlite3")
    await store.rooms.create(samples.room("DEN"))
    report = await imported(store, "lounge", "Lounge", "den")
    assert report.counts["rooms"] == 3
    assert (await imported(None, "lounge", "Lounge")).counts["rooms"] == 2
    room_ids = [room.room_id for room in await store.rooms.page("", 9)]
    assert len({room_id.lower() for room_id in room_ids}) == 4
    assert {"DEN", "lounge"} < set(room_ids)
    again = await imported(store, "lounge", "Lounge", "den")
    assert (again.counts["rooms"], again.counts["rooms there"]) == (0, 3)
    assert [room.room_id for room in await store.rooms.page("", 9)] == room_ids
    await store.aclose()


async def test_rooms_of_an_earlier_import_may_differ_in_case_only(tmp_path: Path) -> None:
    path = tmp_path / "reichatd.sqlite3"
    store = await open_store(path)
    await imported(store, "Lounge")
    # An earlier version stored a second room like this.
    with closing(sqlite3.connect(path)) as db:
        columns = "name, description, owner, created_at"
        db.execute(f"INSERT INTO rooms (room_id, {columns}) SELECT 'lounge', {columns} FROM rooms")
        db.commit()
    for order in (("Lounge", "lounge"), ("lounge", "Lounge")):
        again = await imported(store, *order)
        assert (again.counts["rooms"], again.counts["rooms there"]) == (0, 2)
    await store.aclose()
