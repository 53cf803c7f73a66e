"""The whole REST interface on real accounts, real rooms and a real SQLite file; only mail and live rooms are recorded."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import trio
from quart.wrappers import Response
from quart_trio import QuartTrio
from quart_trio.testing import TrioClient
from werkzeug.datastructures import Headers

from reichatd import settings
from reichatd.accounts import Accounts, Passwords
from reichatd.api import create_app
from reichatd.audit import AuditLog
from reichatd.chat import CommitStatus, Hub, MarkReader, PostLimits, RestConversation, Scribe, Writer
from reichatd.disk_space import DiskSpace
from reichatd.health import Health
from reichatd.logo import LiveLogo, Logo
from reichatd.mail import Outbox
from reichatd.rooms import Rooms
from reichatd.rooms.invites import RoomInvites
from reichatd.store import Store
from reichatd.store.sqlite import open_store
from tests.oidc_provider import OidcProvider
from tests.recording import RecordingLive
from tests.unlimited import UNLIMITED, limiter_of

PASSWORD = "correct horse"
CHEAP_HASHES = settings.AuthSettings(argon2_time_cost=1, argon2_memory_kib=8, argon2_parallelism=1)


class RecordingOutbox(Outbox):
    """An outbox that sends nothing."""

    def __init__(self) -> None:
        super().__init__(settings.MailSettings(), None)
        self.messages: list[EmailMessage] = []
        self.is_full = False

    @property
    def pending(self) -> int:
        return 1_000_000 if self.is_full else 0

    def enqueue(self, message: EmailMessage, *, seconds: float = 0.0, group: str = "") -> None:
        self.messages.append(message)

    def code(self, email: str) -> str:
        """The code in the last mail to this address."""
        message = next(message for message in reversed(self.messages) if message["To"] == email)
        body = message.get_body(("plain",))
        assert body is not None
        found = re.search(r"^\s*(\d{6,})\s*$", body.get_content(), re.MULTILINE)
        assert found is not None
        return found[1]


class Reply(NamedTuple):
    status: int
    body: dict[str, Any]
    headers: Headers

    @property
    def fields(self) -> list[str]:
        """The fields that the reply reports."""
        return [error["field"] for error in self.body["errors"]]


class Someone(NamedTuple):
    """A user with a login session."""

    user_id: str
    email: str
    access_token: str
    refresh_token: str


class Conversations:
    """The parts that post and read messages. They work while `run` does."""

    def __init__(self, store: Store, in_force: settings.LiveSettings) -> None:
        commits = CommitStatus()
        self.hub = Hub(store.messages, in_force, commits)
        self.scribe = Scribe(store.messages, self.hub, in_force, commits, audit=AuditLog(store.audit, in_force))
        self.marks = MarkReader(store.messages)
        self.messaging = RestConversation(
            hub=self.hub,
            messages=store.messages,
            marks=self.marks,
            scribe=self.scribe,
            settings=in_force,
            writer=Writer(self.scribe, in_force, PostLimits(in_force), DiskSpace(in_force, None)),
        )

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as nursery:
            for part in (self.scribe, self.marks, self.hub):
                await nursery.start(part.run)
            task_status.started()


class Api:
    """A client of the app, which checks of each reply what must be true of all."""

    def __init__(
        self,
        app: QuartTrio,
        accounts: Accounts,
        in_force: settings.LiveSettings,
        store: Store,
        outbox: RecordingOutbox,
        live: RecordingLive,
        logo: LiveLogo,
        conversations: Conversations,
    ) -> None:
        self.app = app
        self.accounts = accounts
        self.settings = in_force
        self.store = store
        self.outbox = outbox
        self.live = live
        self.logo = logo
        self.conversations = conversations
        self.client = TrioClient(app)

    async def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        by: Someone | str | None = None,
        headers: Mapping[str, str] | None = None,
        client: str | None = None,
    ) -> Reply:
        """Makes a call.

        Arguments:
            body: bytes are sent as they are, None sends nothing, all else becomes JSON.
            by: the user whose access token is sent, or any token.
            client: the address that it comes from; None for the one of Quart's test client.
        """
        sent = dict(headers or {})
        if by is not None:
            sent["Authorization"] = f"Bearer {by.access_token if isinstance(by, Someone) else by}"
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        scope = {"client": (client, 0)} if client is not None else None
        return await checked(await self.client.open(path, method=method, headers=sent, data=data, scope_base=scope))

    async def register(self, name: str) -> str:
        """Registers a user; returns the verification code."""
        email = f"{name}@example.org"
        reply = await self("POST", "/register", {"email": email, "password": PASSWORD, "username": name})
        assert (reply.status, reply.body) == (201, {"message": "ok"})
        return self.outbox.code(email)

    async def user(self, name: str) -> Someone:
        """Registers, verifies and logs in a user."""
        code = await self.register(name)
        assert (await self("POST", "/verify", {"email": f"{name}@example.org", "code": code})).status == 200
        return await self.login(f"{name}@example.org")

    async def login(self, email: str, password: str = PASSWORD) -> Someone:
        reply = await self("POST", "/login", {"email": email, "password": password})
        assert reply.status == 200
        tokens = reply.body["tokens"]
        return Someone(reply.body["user_id"], email, tokens["access_token"], tokens["refresh_token"])


async def checked(response: Response) -> Reply:
    body = json.loads(await response.get_data(as_text=False))
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert re.fullmatch("[0-9a-f]{16}", response.headers["X-Request-ID"])
    if response.status_code < 400:
        assert body["message"] == "ok"
    else:
        assert body["message"] not in ("", "ok")
        assert re.fullmatch("[a-z_]+", body["code"])
        assert set(body) <= {"message", "code", "errors", "until", "log"}
    if response.status_code == 401:
        assert response.headers["WWW-Authenticate"] == "Bearer"
    return Reply(response.status_code, body, response.headers)


class IdleScribe:
    """One that nobody posts to."""

    async def probe(self) -> None:
        pass


def make_api(
    store: Store,
    limits: settings.LimitSettings,
    *,
    web_client: bool = True,
    server: settings.ServerSettings | None = None,
    provider: OidcProvider | None = None,
    logo: Logo | None = None,
) -> Api:
    passwords, outbox, live = Passwords(CHEAP_HASHES), RecordingOutbox(), RecordingLive()
    oidc = settings.OidcSettings(**provider.settings) if provider else settings.OidcSettings()
    auth = msgspec.structs.replace(CHEAP_HASHES, oidc=oidc)
    server = server or settings.ServerSettings()
    in_force = settings.LiveSettings(settings.Settings(limits=limits, auth=auth, server=server))
    limiter = limiter_of(in_force)
    accounts = Accounts(
        auth=auth,
        settings=in_force,
        secret=bytes(32),
        store=store,
        passwords=passwords,
        outbox=outbox,
        limiter=limiter,
        live=live,
        oidc=provider.client if provider else None,
    )
    health = Health(store, IdleScribe(), CommitStatus(), DiskSpace(in_force, None), seconds=1.0)
    rooms = Rooms(settings=in_force, store=store, passwords=passwords, limiter=limiter, live=live)
    invites = RoomInvites(settings=in_force, store=store, live=live, invites=accounts.invites)
    live_logo = LiveLogo(logo)
    conversations = Conversations(store, in_force)
    app = create_app(
        accounts=accounts,
        rooms=rooms,
        invites=invites,
        messaging=conversations.messaging,
        health=health,
        settings=in_force,
        web_client=web_client,
        logo=live_logo,
    )
    return Api(app, accounts, in_force, store, outbox, live, live_logo, conversations)


@pytest.fixture
def limits() -> settings.LimitSettings:
    return settings.LimitSettings(**UNLIMITED)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path / "test.sqlite3")
    yield opened
    await opened.aclose()


@pytest.fixture
async def api(store: Store, limits: settings.LimitSettings) -> Api:
    return make_api(store, limits)


@pytest.fixture
async def ann(api: Api) -> Someone:
    return await api.user("ann")


@pytest.fixture
async def bob(api: Api) -> Someone:
    return await api.user("bob")
