import io
import re
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import trio

from reichatd.accounts import Accounts, Identity, LoginTokens, Passwords
from reichatd.audit import Event
from reichatd.mail import Outbox
from reichatd.mail.console import ConsoleTransport
from reichatd.settings import AuthSettings, LimitSettings, LiveSettings, MailSettings, Settings
from reichatd.store import AuditEntry, AuditFilter, Store
from reichatd.store.sqlite import open_store
from tests.recording import RecordingLive
from tests.unlimited import CLIENT, UNLIMITED, limiter_of

CHEAP = AuthSettings(argon2_time_cost=1, argon2_memory_kib=64, concealed_seconds=0.0)
"""Real argon2, as cheap as possible; and no pauses."""

WITHOUT_LIMITS = LimitSettings(**UNLIMITED)

SECRET = b"0123456789abcdef0123456789abcdef"


class Harness:
    """Accounts on a real store, with a real outbox that prints, and a clock that the test sets."""

    def __init__(
        self,
        store: Store,
        nursery: trio.Nursery,
        auth: AuthSettings = CHEAP,
        secret: bytes = SECRET,
        limits: LimitSettings = WITHOUT_LIMITS,
    ) -> None:
        self.store = store
        self.nursery = nursery
        self.now = 1_700_000_000.5
        self.live = RecordingLive()
        self.printed = io.StringIO()
        self.outbox = Outbox(MailSettings(), None, transport=ConsoleTransport(self.printed))
        self.settings = LiveSettings(Settings(limits=limits))
        self.accounts = Accounts(
            auth=auth,
            settings=self.settings,
            secret=secret,
            store=store,
            passwords=Passwords(auth),
            outbox=self.outbox,
            limiter=limiter_of(self.settings),
            live=self.live,
            clock=lambda: self.now,
        )
        self.registrations, self.logins = self.accounts.registrations, self.accounts.logins
        self.sessions, self.profiles = self.accounts.sessions, self.accounts.profiles
        nursery.start_soon(self.outbox.run)

    async def mails(self) -> str:
        """All mail so far."""
        with trio.fail_after(20):
            while self.outbox.pending:  # noqa: ASYNC110 - the printing happens in a thread
                await trio.sleep(0.002)
        return self.printed.getvalue()

    async def subjects(self) -> list[tuple[str, str]]:
        """The recipient and the subject of each mail so far."""
        return re.findall(r"^To:      (.+)\nSubject: (.+)$", await self.mails(), re.MULTILINE)

    async def codes(self) -> list[str]:
        """The codes of all mail so far."""
        return re.findall(r"^    (\d{6})$", await self.mails(), re.MULTILINE)

    async def code(self) -> str:
        """The code of the last mail."""
        return (await self.codes())[-1]

    async def join(self, name: str = "ann", password: str = "correct horse") -> None:
        """Registers and verifies `name`@example.org."""
        await self.registrations.register(f"{name}@example.org", password, name, client=CLIENT)
        await self.registrations.verify(f"{name}@example.org", await self.code(), client=CLIENT)

    async def login(self, name: str = "ann", password: str = "correct horse") -> LoginTokens:
        return await self.logins.login(f"{name}@example.org", password, client=CLIENT)

    async def identity(self, name: str = "ann", password: str = "correct horse") -> Identity:
        """A user with a new login session."""
        return await self.sessions.authenticate((await self.login(name, password)).access_token)

    async def audited(self, *events: Event) -> list[AuditEntry]:
        """The audit entries of these events, oldest first."""
        entries = await self.store.audit.page(AuditFilter(), 1000)
        return [entry for entry in entries if entry.event in events]


def wrong(code: str) -> str:
    """A code other than this."""
    return f"{(int(code) + 1) % 1_000_000:06}"


def with_changes(**changes: object) -> AuthSettings:
    return msgspec.structs.replace(CHEAP, **changes)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path / "store.sqlite3")
    yield opened
    await opened.aclose()


@pytest.fixture
def harness(store: Store, nursery: trio.Nursery) -> Harness:
    return Harness(store, nursery)
