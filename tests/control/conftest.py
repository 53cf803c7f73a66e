"""An administration that waits for the test, behind a real socket."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from reichatd.administration import Conclusion, Emit, Record, Request
from reichatd.administration.records import Done, Progress
from reichatd.control import ControlServer, open_socket
from reichatd.settings import LimitSettings, LiveSettings, Settings

LIMITS = LimitSettings(control_connections=2, request_seconds=0.2, body_bytes=1024)


class PausedAdministration:
    """In place of an `Administration`: emits `records`, then waits for `resume`."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.records: list[Record] = []
        self.resume = trio.Event()
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
            await emit(Progress("started", 1, 2))
            await self.resume.wait()
        except trio.Cancelled:
            self.ended.append("cancelled")
            raise
        self.ended.append("done")
        return self.conclusion

    async def until_ended(self, count: int = 1) -> None:
        with trio.fail_after(10):
            while len(self.ended) < count:  # noqa: ASYNC110 - no event to wait for
                await trio.sleep(0.005)


@pytest.fixture
def work() -> PausedAdministration:
    return PausedAdministration()


@pytest.fixture
async def path(tmp_path: Path, work: PausedAdministration, nursery: trio.Nursery) -> AsyncIterator[Path]:
    """The path at which a server listens."""
    path = tmp_path / "control.sock"
    await nursery.start(ControlServer(work, LiveSettings(Settings(limits=LIMITS))).run, open_socket(path))  # type: ignore[arg-type]
    yield path
    nursery.cancel_scope.cancel()
