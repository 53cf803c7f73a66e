"""The calls of a login by a provider, as a browser and its page make them."""

from collections.abc import Iterator
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest
from quart.wrappers import Response

from reichatd.settings import LimitSettings, ServerSettings
from reichatd.store import Store
from tests.api.conftest import PASSWORD, Api, make_api
from tests.oidc_provider import OidcProvider

PUBLIC = ServerSettings(public_url="http://chat.example.org/chat")


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    with OidcProvider() as provider:
        yield provider


@pytest.fixture
def chat(store: Store, limits: LimitSettings, provider: OidcProvider) -> Api:
    return make_api(store, limits, server=PUBLIC, provider=provider)


async def follow(chat: Api, provider: OidcProvider, url: str) -> str:
    """Sends the browser to the provider and back; returns where the daemon sends it then."""
    async with httpx.AsyncClient(verify=provider.client.tls) as http:
        back = (await http.get(url)).headers["Location"]
    assert back.startswith("http://chat.example.org/chat/oidc/callback?")
    return location(await chat.client.get(back.removeprefix("http://chat.example.org/chat")))


def location(response: Response) -> str:
    assert response.status_code == 303
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    return response.headers["Location"]


async def arrive(chat: Api, provider: OidcProvider) -> str:
    return await follow(chat, provider, location(await chat.client.get("/oidc/login")))


async def test_a_login_from_the_button_to_the_tokens(chat: Api, provider: OidcProvider) -> None:
    shown = await chat("GET", "/oidc")
    assert shown.body == {"message": "ok", "name": "Example accounts", "button": ""}
    back = await arrive(chat, provider)
    assert back.startswith("../#/oidc/")
    code = unquote(back.removeprefix("../#/oidc/"))
    redeemed = await chat("POST", "/oidc/redeem", {"code": code})
    assert redeemed.status == 200
    assert set(redeemed.body) == {"message", "tokens", "user_id"}
    oneself = await chat("GET", "/user", by=redeemed.body["tokens"]["access_token"])
    assert oneself.body["user_details"] == {"email": "ada@example.org", "username": "ada"}
    again = await chat("POST", "/oidc/redeem", {"code": code})
    assert (again.status, again.body["code"]) == (400, "invalid_code")


@pytest.mark.parametrize(
    ("public_url", "name", "flags"),
    [
        ("http://chat.example.org", "reichatd-oidc", {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=660"}),
        (
            "https://chat.example.org/chat",
            "__Host-reichatd-oidc",
            {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=660", "Secure"},
        ),
    ],
)
async def test_the_cookie(
    store: Store, limits: LimitSettings, provider: OidcProvider, public_url: str, name: str, flags: set[str]
) -> None:
    chat = make_api(store, limits, server=ServerSettings(public_url=public_url), provider=provider)
    response = await chat.client.get("/oidc/login")
    value, *found = response.headers["Set-Cookie"].split("; ")
    assert value.startswith(f"{name}=")
    assert {flag for flag in found if not flag.startswith("Expires")} == flags


async def test_logins_in_two_tabs(chat: Api, provider: OidcProvider) -> None:
    urls = [location(await chat.client.get("/oidc/login")) for _ in range(2)]
    backs = [await follow(chat, provider, url) for url in urls]
    assert all(back.startswith("../#/oidc/g") for back in backs)


async def test_another_browser_cannot_redeem_the_code(chat: Api, provider: OidcProvider) -> None:
    code = unquote((await arrive(chat, provider)).removeprefix("../#/oidc/"))
    stranger = await chat.app.test_client(use_cookies=False).post("/oidc/redeem", json={"code": code})
    assert stranger.status_code == 400


async def test_someone_who_changes_their_mind_comes_back(chat: Api, provider: OidcProvider) -> None:
    provider.refusal = "access_denied"
    assert await arrive(chat, provider) == "../#/oidc-error/forbidden"


@pytest.mark.parametrize("query", ["", "?state=a&code=b", "?state=%ff&code=%00&iss=x", "?code=b"])
async def test_a_callback_that_nobody_asked_for(chat: Api, query: str) -> None:
    assert location(await chat.client.get(f"/oidc/callback{query}")) == "../#/oidc-error/invalid_code"


async def test_a_provider_that_does_not_answer(chat: Api, provider: OidcProvider) -> None:
    provider.metadata = {"issuer": "https://other.example.org"}
    assert location(await chat.client.get("/oidc/login")) == "../#/oidc-error/unavailable"


async def test_linking(chat: Api, provider: OidcProvider) -> None:
    provider.person["email"] = "elsewhere@example.com"
    ann, bob = await chat.user("ann"), await chat.user("bob")
    assert (await chat("GET", "/user/oidc", by=ann)).body["linked"] is False
    refused = await chat("POST", "/oidc/link", {"password": "wrong horse"}, by=ann)
    assert (refused.status, refused.body["code"]) == (400, "invalid_password")
    begun = await chat("POST", "/oidc/link", {"password": PASSWORD}, by=ann)
    assert await follow(chat, provider, begun.body["url"]) == "../#/oidc-linked"
    assert (await chat("GET", "/user/oidc", by=ann)).body["linked"] is True
    begun = await chat("POST", "/oidc/link", {"password": PASSWORD}, by=bob)
    assert await follow(chat, provider, begun.body["url"]) == "../#/oidc-error/already_linked"
    code = unquote((await arrive(chat, provider)).removeprefix("../#/oidc/"))
    assert (await chat("POST", "/oidc/redeem", {"code": code})).body["user_id"] == ann.user_id
    assert (await chat("DELETE", "/user/oidc", by=ann)).status == 200
    assert (await chat("GET", "/user/oidc", by=ann)).body["linked"] is False


async def test_what_is_asked_of_the_provider(chat: Api, provider: OidcProvider) -> None:
    url = urlsplit(location(await chat.client.get("/oidc/login")))
    query = parse_qs(url.query)
    assert f"https://{url.netloc}" == provider.issuer
    assert query["scope"] == ["openid email profile"]
    assert query["redirect_uri"] == ["http://chat.example.org/chat/oidc/callback"]
    assert query["code_challenge_method"] == ["S256"]
    assert len({query[name][0] for name in ("state", "nonce", "code_challenge")}) == 3


async def test_without_a_provider(api: Api) -> None:
    assert (await api("GET", "/oidc")).body == {"message": "ok", "name": "", "button": ""}
    ann = await api.user("ann")
    for method, path, body in (
        ("GET", "/oidc/login", None),
        ("GET", "/oidc/callback", None),
        ("POST", "/oidc/redeem", {"code": "x"}),
        ("POST", "/oidc/link", None),
        ("GET", "/user/oidc", None),
        ("DELETE", "/user/oidc", None),
    ):
        refused = await api(method, path, body, by=ann)
        assert (refused.status, refused.body["code"]) == (404, "no_provider")
