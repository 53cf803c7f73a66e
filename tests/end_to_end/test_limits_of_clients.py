"""Attacks by one client on a real daemon behind a proxy: it is refused, and a client at another address notices nothing."""

import sqlite3
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from reichatd.terminal.client import Login, ServerClient
from tests.client import PASSWORD, http_client, open_room, registered_users
from tests.end_to_end.conftest import QUICK
from tests.process import DaemonProcess, data_file, running

BEHIND_PROXY = {"REICHATD_SERVER_TRUSTED_PROXIES": "127.0.0.1", "REICHATD_LIMITS_REFUSAL_SECONDS": "0"}
GUESSES = {
    "REICHATD_LIMITS_GUESSES_PER_CLIENT": "60",
    "REICHATD_LIMITS_GUESSES_PER_SUBJECT_AND_CLIENT": "10",
    "REICHATD_LIMITS_GUESSES_PER_SUBJECT_HOUR": "50",
}
MAILS = {"REICHATD_LIMITS_MAILS_PER_CLIENT_HOUR": "5", "REICHATD_LIMITS_MAILS_PER_ADDRESS_HOUR": "3"}
STRANGER, OWNER = "2001:db8:1::66", "192.0.2.1"


async def post(http: httpx.AsyncClient, client: str, path: str, **body: str) -> int:
    headers = {"X-Forwarded-For": f"203.0.113.99, {client}"}  # the first one is the client's own invention
    return (await http.post(path, json=body, headers=headers)).status_code


async def test_guesses_by_a_client_of_a_proxy(tmp_path: Path, storage: dict[str, str]) -> None:
    async with (
        running(tmp_path, **storage, **BEHIND_PROXY, **GUESSES) as daemon,
        registered_users(daemon, 1) as (ada,),
        http_client(daemon.url) as http,
    ):
        statuses = []
        for number in range(30):  # all of one /64
            client = f"2001:db8:1::{number + 1:x}"
            statuses.append(await post(http, client, "/login", email=ada.email, password="wrong guess"))
        assert statuses.count(429) >= 19
        assert set(statuses) == {400, 429}
        assert '"event": "rate limited"' in daemon.output
        assert await post(http, OWNER, "/login", email=ada.email, password=PASSWORD) == 200


async def test_mails_caused_by_a_client_of_a_proxy(tmp_path: Path, storage: dict[str, str]) -> None:
    async with running(tmp_path, **storage, **BEHIND_PROXY, **MAILS) as daemon, http_client(daemon.url) as http:

        async def register(client: str, email: str) -> int:
            return await post(http, client, "/register", email=email, password="a good password", username="eve")

        got = [await register(STRANGER, "victim@example.org") for _ in range(10)]
        assert got == [201] * 3 + [429] * 7
        got = [await register(STRANGER, f"user{number}@example.org") for number in range(10)]
        assert got == [201] * 2 + [429] * 8
        assert await register(OWNER, "bob@example.org") == 201


ROOMS = 1000
READERS = 150
MOST_MIB = 60


def resident_mib(daemon: DaemonProcess) -> float:
    status = Path(f"/proc/{daemon.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


async def test_readers_of_the_public_rooms_who_do_not_read(tmp_path: Path) -> None:
    async with running(tmp_path, **QUICK) as daemon, registered_users(daemon, 1) as (ada,), AsyncExitStack() as stack:
        rows = [(f"room{number}", "Room", "\x01" * 1000, "ada", float(number)) for number in range(ROOMS)]
        with closing(sqlite3.connect(data_file(tmp_path), timeout=20)) as db, db:
            db.executemany(
                "INSERT INTO rooms (room_id, name, description, owner, created_at) VALUES (?, ?, ?, ?, ?)", rows
            )
        whole = await ada.http.get("/public", headers={"Authorization": f"Bearer {ada.access_token}"})
        assert len(whole.content) > 6_000_000
        assert len(whole.json()["rooms"]) == ROOMS
        before = resident_mib(daemon)
        request = f"GET /public HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ada.access_token}\r\n\r\n".encode()
        for _ in range(READERS):
            sock = trio.socket.socket()
            stack.callback(sock.close)
            sock.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, 4096)
            await sock.connect(("127.0.0.1", daemon.port))
            await sock.send(request)
        for _ in range(3):  # these are answered behind the others
            answer = await ada.http.get("/public?limit=1", headers={"Authorization": f"Bearer {ada.access_token}"})
            assert answer.status_code == 200
        assert resident_mib(daemon) - before < MOST_MIB, "together they would have asked for 900 MB"


async def test_the_terminal_client_reads_all_pages(daemon: DaemonProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reichatd.terminal.client._PAGE", 2)
    async with registered_users(daemon, 1) as (ada,):
        ids = [await open_room(ada) for _ in range(5)]
        login = Login(ada.email, ada.user_id, ada.access_token, ada.refresh_token)
        async with ServerClient(daemon.url, login, lambda _: None) as client:
            found: list[Any] = [room.room_id for room in await client.rooms("public")]
        assert [room_id for room_id in found if room_id in ids] == ids
