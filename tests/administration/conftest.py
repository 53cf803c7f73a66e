"""An administration on a real SQLite file."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from reichatd.accounts import Passwords
from reichatd.administration import Administration, Conclusion, Record, Request, requests
from reichatd.administration.records import Done, Progress, RequestRefused
from reichatd.chat import delete_in_store
from reichatd.rooms import Rooms
from reichatd.settings import LimitSettings, LiveSettings, Settings
from reichatd.store import Store
from reichatd.store.sqlite import open_store
from tests.accounts.conftest import CHEAP
from tests.recording import RecordingLive
from tests.unlimited import UNLIMITED, invites_of, limiter_of

R = TypeVar("R", bound=Record)
PASSWORD = "correct horse"


class Admin:
    """An administration that records what it emits, and its calls of live connections."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = 1_700_000_000.5
        self.live = RecordingLive()
        self.passwords = Passwords(CHEAP)
        self.records: list[Record] = []
        settings = LiveSettings(Settings(limits=LimitSettings(**UNLIMITED)))
        self.rooms = Rooms(
            settings=settings,
            store=store,
            passwords=self.passwords,
            limiter=limiter_of(settings),
            live=self.live,
            clock=lambda: self.now,
        )
        self.administration = Administration(
            store=store,
            passwords=self.passwords,
            rooms=self.rooms,
            invites=invites_of(store, settings),
            settings=LiveSettings(Settings()),
            live=self.live,
            delete_messages=partial(delete_in_store, store, settings),
            clock=lambda: self.now,
        )

    async def conclude(self, request: Request) -> Conclusion:
        """The conclusion; `records` has what was emitted, `live.calls` the calls of live connections."""
        self.records, self.live.calls = [], []
        return await self.administration.perform(request, self._record)

    async def do(self, request: Request, kind: type[R]) -> list[R]:
        """All emitted records but progress; each must be of this kind."""
        assert await self.conclude(request) == Done()
        records: list[R] = []
        for record in self.records:
            if not isinstance(record, Progress):
                assert isinstance(record, kind), record
                records.append(record)
        return records

    async def refusal(self, request: Request) -> str:
        """The code of the error."""
        conclusion = await self.conclude(request)
        assert isinstance(conclusion, RequestRefused), conclusion
        return conclusion.code

    async def add(self, name: str) -> str:
        """Adds a user; returns the id."""
        assert await self.conclude(requests.AddUser(f"{name}@example.org", name, PASSWORD)) == Done()
        user = await self.store.users.by_email(f"{name}@example.org")
        assert user is not None
        return user.user_id

    async def open(self, room_id: str, owner: str, *members: str) -> None:
        """Creates a room."""
        assert await self.conclude(requests.CreateRoom(owner, "A room", room_id=room_id)) == Done()
        for user_id in members:
            await self.store.rooms.join(room_id, user_id, self.now)

    async def _record(self, record: Record) -> None:
        self.records.append(record)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path / "store.sqlite3")
    yield opened
    await opened.aclose()


@pytest.fixture
def admin(store: Store) -> Admin:
    return Admin(store)
