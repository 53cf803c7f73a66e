"""What several daemons on one store need besides its messages: tickets, one secret, leases."""

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.lowlevel

from reichatd.cli import exit_status
from tests.client import Person, open_room, registered_user, registered_users, talk_at
from tests.end_to_end.conftest import QUICK, stored_in_mongodb
from tests.end_to_end.failed_starts import refused_in_a_line
from tests.process import START_SECONDS, DaemonProcess, run_command, running, started
from tests.several_daemons import SECRET, through

OTHER_SECRET = {"SECRET_KEY": "another one, which accepts no token of the first"}
SHORT = {"REICHATD_STORAGE_MONGODB_HEARTBEAT_SECONDS": "0.2", "REICHATD_STORAGE_MONGODB_LEASE_SECONDS": "1"}
LONG = {"REICHATD_STORAGE_MONGODB_HEARTBEAT_SECONDS": "0.2", "REICHATD_STORAGE_MONGODB_LEASE_SECONDS": "600"}
"""Leases that end only if somebody ends them."""


@pytest.fixture
def replica(mongod_replica: str) -> Iterator[dict[str, str]]:
    with stored_in_mongodb(mongod_replica) as settings:
        yield QUICK | SECRET | settings


@pytest.fixture
def standalone(mongod_standalone: str) -> Iterator[dict[str, str]]:
    with stored_in_mongodb(mongod_standalone) as settings:
        yield QUICK | SECRET | settings


@pytest.fixture
def directories(tmp_path: Path) -> tuple[Path, Path]:
    """One for each of two daemons."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    return one, two


async def daemons_when(
    process: DaemonProcess, condition: Callable[[list[dict[str, Any]]], bool]
) -> list[dict[str, Any]]:
    """Waits for this condition of the daemons on the store, as this one's administrator sees them; returns them."""
    with trio.fail_after(START_SECONDS):
        while True:
            shown = await trio.to_thread.run_sync(run_command, process.directory, process.settings, "stats", "--json")
            assert shown.returncode == 0, shown.stderr
            found: list[dict[str, Any]] = json.loads(shown.stdout)["daemons"]
            if condition(found):
                return found


async def test_a_ticket_opens_one_socket_at_any_daemon(directories: tuple[Path, Path], replica: dict[str, str]) -> None:
    async with (
        running(directories[0], **replica, REICHATD_AUTH_TICKETS_PER_SESSION="3") as one,
        running(directories[1], **replica) as two,
        registered_users(one, 1) as (ada,),
        through(two, ada) as there,
    ):
        room_id = await open_room(ada)
        ticket, second = await ada.ticket(), await ada.ticket()
        async with talk_at(there.socket_url(room_id, ticket=ticket)) as talk:
            assert (await talk.receive())["type"] == "initial_state"
        # What was used elsewhere no longer counts.
        for _ in range(2):
            await ada.ticket()
        assert (await ada.call("POST", "/ws/ticket", 503))["code"] == "unavailable"
        for person in (there, ada):
            async with talk_at(person.socket_url(room_id, ticket=ticket)) as talk:
                assert await talk.closed() == (4001, "Invalid ticket")
        await ada.call("POST", "/logout")
        async with talk_at(ada.socket_url(room_id, ticket=second)) as talk:
            assert await talk.closed() == (4001, "Invalid token")


async def test_a_daemon_with_another_secret_is_refused(directories: tuple[Path, Path], replica: dict[str, str]) -> None:
    async with running(directories[0], **replica) as one:
        line = await trio.to_thread.run_sync(
            lambda: refused_in_a_line(directories[1], exit_status.CONFIGURATION, **replica | OTHER_SECRET)
        )
        assert "used with another secret" in line
        assert "SECRET_KEY" in line
        assert "reichatd secret accept" in line
        for secret in SECRET, OTHER_SECRET:
            assert secret["SECRET_KEY"] not in line
        accepted = await trio.to_thread.run_sync(
            run_command, directories[1], replica | OTHER_SECRET, "secret", "accept", "--yes"
        )
        assert accepted.returncode == exit_status.REFUSED
        assert f"process {one.pid}" in accepted.stderr
    async with running(directories[0], **replica):
        pass


async def test_a_copied_file_beside_a_new_secret(directories: tuple[Path, Path]) -> None:
    one, two = directories
    async with running(one, **QUICK) as daemon:
        await (await registered_user(daemon, "ada")).http.aclose()
    data = Path("share", "reichatd")
    shutil.copytree(one / data, two / data, ignore=shutil.ignore_patterns("secret.key", "*.sock*", "control*"))
    line = await trio.to_thread.run_sync(lambda: refused_in_a_line(two, exit_status.CONFIGURATION, **QUICK))
    assert str(two / data / "secret.key") in line
    accepted = await trio.to_thread.run_sync(run_command, two, QUICK, "secret", "accept", "--yes")
    assert accepted.returncode == 0, accepted.stderr
    async with running(two, **QUICK) as daemon, Person(daemon.url, "ada", "ada@example.org") as ada:
        await ada.log_in()


async def test_another_daemon_takes_over_the_housekeeping_after_kill_9(
    directories: tuple[Path, Path], replica: dict[str, str]
) -> None:
    async with (
        running(directories[0], **replica, **SHORT) as one,
        running(directories[1], **replica, **SHORT) as two,
    ):
        found = await daemons_when(two, lambda found: len(found) == 2 and any(each["housekeeping"] for each in found))
        assert {each["pid"] for each in found} == {one.pid, two.pid}
        (keeper_pid,) = (each["pid"] for each in found if each["housekeeping"])
        keeper, other = (one, two) if keeper_pid == one.pid else (two, one)
        keeper.kill()
        (left,) = await daemons_when(other, lambda found: len(found) == 1 and found[0]["housekeeping"])
        assert left["pid"] == other.pid


async def test_a_second_daemon_on_a_standalone_server_is_refused(
    directories: tuple[Path, Path], standalone: dict[str, str]
) -> None:
    settings = standalone | LONG
    async with running(directories[0], **settings) as one:
        ended = await trio.to_thread.run_sync(
            run_command, directories[1], settings | {"REICHATD_SERVER_PORT": "0"}, "serve"
        )
        assert ended.returncode == exit_status.STORE_UNAVAILABLE, ended.stderr
        line = ended.stderr.splitlines()[-1]
        assert f"(process {one.pid}) uses this MongoDB, a standalone server, which allows one daemon only" in line
        # Its successor on the same machine does not wait for the lease of one that was killed, nor of one that has stopped.
        one.kill()
        await one.start()
        assert await one.stop() == 0
        await one.start()


async def test_a_daemon_that_lost_a_standalone_server_while_it_hung_ends(
    directories: tuple[Path, Path], standalone: dict[str, str]
) -> None:
    settings = standalone | SHORT
    first = DaemonProcess(directories[0], settings)
    try:
        await first.start()
        first.signal(signal.SIGSTOP)
        async with started(DaemonProcess(directories[1], settings)):
            first.signal(signal.SIGCONT)
            assert await first.wait() == exit_status.STORE_UNAVAILABLE
            assert "store taken by another daemon" in first.output
            assert "Traceback" not in first.output
    finally:
        first.kill()
