"""The list of public rooms, in pages."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import structlog

from reichatd.api import room_list
from reichatd.errors import RoomNotFound
from reichatd.rights import ADMINISTRATOR
from reichatd.store import RoomSummary, Store, StoreUnavailable
from tests.api.conftest import Api, Someone
from tests.reload.running_parts import running_parts


class Hall(NamedTuple):
    """Fills the store with public rooms, all in one transaction."""

    file: Path

    def add(self, count: int) -> list[str]:
        ids = [f"room{number}" for number in range(count)]
        rows = [(room_id, "Room", "x" * number, "ann", number // 3) for number, room_id in enumerate(ids)]
        with closing(sqlite3.connect(self.file)) as db, db:
            db.executemany(
                "INSERT INTO rooms (room_id, name, description, owner, created_at) VALUES (?, ?, ?, ?, ?)", rows
            )
        return ids


@pytest.fixture
def hall(tmp_path: Path, store: Store) -> Hall:
    return Hall(tmp_path / "test.sqlite3")


async def page(api: Api, by: Someone, query: str = "") -> list[str]:
    reply = await api("GET", f"/public{query}", by=by)
    assert reply.status == 200
    assert set(reply.body) == {"message", "rooms"}
    return [room["room_id"] for room in reply.body["rooms"]]


@pytest.mark.parametrize("size", [1, 7, 8, 10, 1000])
async def test_pages_are_the_whole_list(
    api: Api, ann: Someone, hall: Hall, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_list, "_MOST_ROOMS", 9)
    ids = hall.add(40)
    found: list[str] = []
    while True:
        query = f"?limit={size}" + (f"&after={found[-1]}" if found else "")
        found += (rooms := await page(api, ann, query))
        if len(rooms) < size:
            break
    assert found == ids
    assert await page(api, ann) == ids


async def test_old_clients_get_the_first_thousand(
    api: Api, ann: Someone, hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_list, "_PIECE_BYTES", 1_000_000)  # Quart's test client takes no more than ten pieces
    ids = hall.add(1003)
    assert await page(api, ann) == ids[:1000]
    assert await page(api, ann, f"?after={ids[999]}") == ids[1000:]
    assert await page(api, ann, f"?after={ids[-1]}") == []


async def test_an_empty_list(api: Api, ann: Someone) -> None:
    assert await page(api, ann) == []


@pytest.mark.parametrize(("query", "field"), [("?limit=0", "limit"), ("?limit=1001", "limit"), ("?limit=x", "limit")])
async def test_a_bad_query(api: Api, ann: Someone, query: str, field: str) -> None:
    reply = await api("GET", f"/public{query}", by=ann)
    assert (reply.status, reply.fields) == (422, [field])


async def test_after_a_room_that_has_gone(api: Api, ann: Someone) -> None:
    for room_id in ("nothing", "null", "%00", ""):
        reply = await api("GET", f"/public?after={room_id}", by=ann)
        assert (reply.status, reply.body["code"]) == (404, "room_not_found")


async def test_a_room_that_is_deleted_while_the_list_is_sent(api: Api, ann: Someone, hall: Hall) -> None:
    ids = hall.add(20)
    real, calls = api.store.rooms.public, 0

    async def deleting(after: str | None, at_most: int) -> Any:  # noqa: ANN401
        nonlocal calls
        calls += 1
        if calls == 2:
            await api.store.rooms.delete(ids[7])  # the last of those that were read
        return await real(after, at_most)

    api.store.rooms.public = deleting  # type: ignore[method-assign]
    assert await page(api, ann) == ids


async def test_the_more_lists_are_sent_the_less_each_holds() -> None:
    lists = room_list.RoomLists(None)  # type: ignore[arg-type]
    sizes = []
    for lists.sending in (0, 1, 10, 100, 1000, 100_000):
        sizes.append(lists.rooms_at_once)
    assert sizes == [500, 500, 200, 20, 8, 8]


@pytest.mark.parametrize("error", [StoreUnavailable("no answer"), RoomNotFound()])
async def test_an_error_in_the_middle_ends_the_connection(
    tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_parts(tmp_path) as running:
        rooms = running.parts.rooms
        for number in range(20):
            await rooms.create(ADMINISTRATOR, "ada", "Room", "", None, f"room{number}")
        real = rooms.public

        async def failing(after: str | None, at_most: int) -> list[RoomSummary]:
            if after is None:
                return await real(after, at_most)
            raise error

        monkeypatch.setattr(rooms, "public", failing)
        request = (
            b"GET /public HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\n\r\n" % running.tokens["ada"].encode()
        )
        async with running.tcp() as stream:
            with structlog.testing.capture_logs() as lines:
                await stream.send_all(request)
                answer = await running.ends(stream)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b'"room6"' in answer
    assert not answer.endswith(b"0\r\n\r\n")
    assert [line["log_level"] for line in lines if line["event"] == "answer broken off"] == ["warning"]
    assert "Error" not in caplog.text, "it is no fault of the daemon"
