"""The watchdog is fed while the parts move, and the status is reported."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from reichatd.chat import CommitStatus, Hub, Scribe
from reichatd.settings import LiveSettings, Settings
from reichatd.systemd import ServiceManager
from reichatd.watchdog import Watchdog
from tests.chat.doubles import FakeMessages, FakeSocket, connect, post


class FakeManager:
    """The socket of a service manager with a watchdog timeout of 0.3 seconds."""

    def __init__(self, address: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(address))
        self._socket.setblocking(False)
        self.manager = ServiceManager(str(address), watchdog_seconds=0.3)

    def close(self) -> None:
        self._socket.close()

    def received(self) -> list[str]:
        """The datagrams since the last call."""
        lines = []
        while True:
            try:
                lines.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return lines


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeManager]:
    fake = FakeManager(tmp_path / "notify")
    yield fake
    fake.close()


class Parts:
    """A hub and a scribe, not started, and a watchdog."""

    def __init__(self, manager: ServiceManager) -> None:
        self.messages = FakeMessages()
        commits = CommitStatus()
        settings = LiveSettings(Settings())
        self.hub = Hub(self.messages, settings, commits)
        self.scribe = Scribe(self.messages, self.hub, settings, commits)
        self.watchdog = Watchdog(manager, self.hub, self.scribe, commits)


async def test_it_feeds_the_watchdog_and_reports_the_status(fake: FakeManager, nursery: trio.Nursery) -> None:
    parts = Parts(fake.manager)
    await nursery.start(parts.hub.run)
    await nursery.start(parts.scribe.run)
    await parts.hub.enter("room", connect(FakeSocket()))
    await nursery.start(parts.watchdog.run)
    assert fake.received() == ["WATCHDOG=1", "STATUS=1 connections in 1 rooms, 0 lagging; event loop 0 ms late"]
    await trio.sleep(0.4)
    assert fake.received().count("WATCHDOG=1") >= 3
    parts.watchdog.note = "mind the gap"
    await trio.sleep(0.2)
    assert fake.received()[-1].endswith(" ms late; mind the gap")


async def test_without_a_manager_it_checks_the_parts_once(nursery: trio.Nursery) -> None:
    parts = Parts(ServiceManager())
    await nursery.start(parts.hub.run)
    await nursery.start(parts.scribe.run)
    with trio.fail_after(10):
        await parts.watchdog.run()


async def test_a_stalled_part_stops_the_feeding(fake: FakeManager, nursery: trio.Nursery) -> None:
    for idle in ("hub", "scribe"):
        parts = Parts(fake.manager)
        for name in {"hub", "scribe"} - {idle}:
            await nursery.start(getattr(parts, name).run)
        with trio.move_on_after(0.3) as timeout:
            await parts.watchdog.run()
        assert timeout.cancelled_caught
        assert fake.received() == []


async def test_a_store_that_hangs_does_not_stop_the_feeding(fake: FakeManager, nursery: trio.Nursery) -> None:
    parts = Parts(fake.manager)
    await nursery.start(parts.hub.run)
    await nursery.start(parts.scribe.run)
    parts.messages.hangs = True
    await post(parts.scribe, parts.hub, connect(FakeSocket()), "text")
    await trio.sleep(1)
    nursery.start_soon(parts.watchdog.run)
    await trio.sleep(0.4)
    received = fake.received()
    assert received.count("WATCHDOG=1") >= 3
    assert received[-1].endswith("; the store has not answered for 1 s")
