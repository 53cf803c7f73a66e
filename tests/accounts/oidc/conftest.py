"""Accounts with logins at a real provider over HTTPS."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest

from reichatd.accounts import Accounts, Passwords
from reichatd.accounts.oidc.handshake import browser_value
from reichatd.settings import LiveSettings, OidcSettings, ServerSettings, Settings
from reichatd.store import AuditFilter
from tests.accounts.conftest import CHEAP, SECRET, WITHOUT_LIMITS, Harness
from tests.oidc_provider import OidcProvider
from tests.unlimited import CLIENT, limiter_of

if TYPE_CHECKING:
    from reichatd.accounts.oidc import OidcLogins

BROWSER = browser_value("")


class Answer(NamedTuple):
    """What the provider sends with the browser."""

    state: str
    code: str
    issuer: str | None
    error: str


class Chat:
    """Accounts with logins at the provider, on the harness's store and clock. A second one is another daemon on the same store."""

    def __init__(
        self,
        harness: Harness,
        provider: OidcProvider,
        registration: Literal["open", "invite", "closed"] = "open",
        **settings: Any,  # noqa: ANN401 - of [auth.oidc]
    ) -> None:
        oidc = OidcSettings(**(provider.settings | settings))
        auth = msgspec.structs.replace(CHEAP, registration=registration, oidc=oidc)
        server = ServerSettings(public_url="https://chat.example.org/chat/")
        self.settings = LiveSettings(Settings(auth=auth, server=server, limits=WITHOUT_LIMITS))
        self.accounts = Accounts(
            auth=auth,
            settings=self.settings,
            secret=SECRET,
            store=harness.store,
            passwords=Passwords(auth),
            outbox=harness.outbox,
            limiter=limiter_of(self.settings),
            live=harness.live,
            oidc=provider.client,
            clock=lambda: harness.now,
        )
        assert self.accounts.oidc is not None
        self.oidc: OidcLogins = self.accounts.oidc
        self.provider = provider
        self._audit = harness.store.audit

    async def visit(self, url: str) -> Answer:
        """Sends a browser to the provider, which sends it back."""
        async with httpx.AsyncClient(verify=self.provider.client.tls) as http:
            response = await http.get(url)
        back = response.headers["Location"]
        assert back.startswith("https://chat.example.org/chat/oidc/callback?")
        query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
        return Answer(query["state"], query.get("code", ""), query.get("iss"), query.get("error", ""))

    async def arrive(self, browser: str = BROWSER) -> Answer:
        return await self.visit(await self.oidc.begin(browser))

    async def finish(self, answer: Answer, browser: str = BROWSER) -> str:
        code = await self.oidc.finish(answer.state, answer.code, answer.issuer, browser, client=CLIENT)
        assert code is not None
        return code

    async def log_in(self, browser: str = BROWSER, invite: str | None = None) -> str:
        """A whole login; returns the user's id."""
        code = await self.finish(await self.arrive(browser), browser)
        tokens = await self.oidc.redeem(code, browser, client=CLIENT, device="Firefox on Linux", invite=invite)
        assert (await self.accounts.sessions.authenticate(tokens.access_token)).user.user_id == tokens.user_id
        assert await self.accounts.sessions.refresh(tokens.refresh_token)
        return tokens.user_id

    async def link(self, access_token: str, password: str = "correct horse") -> None:
        identity = await self.accounts.sessions.authenticate(access_token)
        answer = await self.visit(await self.oidc.begin_link(identity, password, BROWSER, client=CLIENT))
        linked = await self.oidc.finish(answer.state, answer.code, answer.issuer, BROWSER, client=CLIENT)
        assert linked is None

    async def events(self) -> list[tuple[str, str, str]]:
        """What the audit log has: event, actor and detail."""
        return [(entry.event, entry.actor, entry.detail) for entry in await self._audit.page(AuditFilter(), 100)]


@pytest.fixture
def provider(harness: Harness) -> Iterator[OidcProvider]:
    with OidcProvider(clock=lambda: harness.now) as provider:
        yield provider


@pytest.fixture
def chat(harness: Harness, provider: OidcProvider) -> Chat:
    return Chat(harness, provider)
