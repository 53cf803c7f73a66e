"""A counter whose work the test holds up, behind a real socket."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from reichatd.administration import Conclusion, Emit, Record, Request
from reichatd.administration.records import Done, Progress
from reichatd.control import ControlServer, open_socket
from reichatd.settings import LimitSettings, LiveSettings, Settings

LIMITS = LimitSettings(control_connections=2, request_seconds=0.2, body_bytes=1024)


class HeldUp:
    """In place of an `Administration`: emits `records`, then waits for `go_on`."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.records: list[Record] = []
        self.go_on = trio.Event()
        self.ended: list[str] = []
        self.conclusion: Conclusion = Done()
        self.error: Exception | None = None

    async def perform(self, request: Request, emit: Emit) -> Conclusion:
        self.asked.append(request)
        try:
            if self.error is not None:
                raise self.error
            for record in self.records:
                await emit(record)
            await emit(Progress("begun", 1, 2))
            await self.go_on.wait()
        except trio.Cancelled:
            self.ended.append("cancelled")
            raise
        self.ended.append("done")
        return self.conclusion

    async def until_ended(self, count: int = 1) -> None:
        with trio.fail_after(10):
            while len(self.ended) < count:  # noqa: ASYNC110 - seen from outside only
                await trio.sleep(0.005)


@pytest.fixture
def work() -> HeldUp:
    return HeldUp()


@pytest.fixture
async def path(tmp_path: Path, work: HeldUp, nursery: trio.Nursery) -> AsyncIterator[Path]:
    """Where a server listens."""
    path = tmp_path / "control.sock"
    await nursery.start(ControlServer(work, LiveSettings(Settings(limits=LIMITS))).run, open_socket(path))  # type: ignore[arg-type]
    yield path
    nursery.cancel_scope.cancel()
