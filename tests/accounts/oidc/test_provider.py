"""The conversation with the provider."""

from urllib.parse import parse_qs, urlsplit

import pytest
from structlog.testing import capture_logs
from trio.testing import MockClock

from reichatd.errors import InvalidCode, Unavailable
from tests.accounts.conftest import Harness
from tests.accounts.oidc.conftest import BROWSER, Answer, Chat
from tests.oidc_provider import Claims, OidcProvider


async def test_documents_are_cached_and_new_keys_are_found_at_most_once_a_minute(
    harness: Harness, provider: OidcProvider, mock_clock: MockClock
) -> None:
    chat = Chat(harness, provider)
    for _ in range(3):
        await chat.log_in()
    discovery, keys = "/.well-known/openid-configuration", "/jwks"
    assert [provider.asked.count(path) for path in (discovery, keys)] == [1, 1]
    provider.kids["RS256"] = "new"
    with pytest.raises(InvalidCode):
        await chat.log_in()  # the keys were fetched a moment ago
    mock_clock.jump(61)
    await chat.log_in()
    assert [provider.asked.count(path) for path in (discovery, keys)] == [1, 2]
    for _ in range(3):
        provider.kids["RS256"] += "er"
        with pytest.raises(InvalidCode):
            await chat.log_in()
    assert provider.asked.count(keys) == 2
    mock_clock.jump(3601)
    await chat.log_in()
    assert [provider.asked.count(path) for path in (discovery, keys)] == [2, 3]


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://127.0.0.1/other"},
        {"token_endpoint": "http://127.0.0.1/token"},
        {"jwks_uri": 5},
        {"token_endpoint": "https://127.0.0.1:1/token"},
        {"jwks_uri": "https://127.0.0.1:1/jwks"},
    ],
)
async def test_a_provider_that_is_set_up_wrong(harness: Harness, provider: OidcProvider, metadata: Claims) -> None:
    provider.metadata = metadata
    with pytest.raises(Unavailable):
        await Chat(harness, provider).log_in()


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/jwks", "/userinfo"])
@pytest.mark.parametrize(
    "answer", [(200, b"<p>no JSON"), (200, b'"x"'), (200, b" " * 1_100_000), (302, b""), (500, b"")]
)
async def test_a_provider_that_answers_with_something_else(
    harness: Harness, provider: OidcProvider, path: str, answer: tuple[int, bytes]
) -> None:
    provider.only_userinfo = True
    provider.broken[path] = answer
    with pytest.raises(Unavailable):
        await Chat(harness, provider).log_in()


async def test_a_provider_that_does_not_answer_in_time(harness: Harness, provider: OidcProvider) -> None:
    provider.stalled = "/token"
    with pytest.raises(Unavailable):
        await Chat(harness, provider, timeout_seconds=0.5).log_in()


async def test_a_provider_that_wants_the_secret_in_the_form(harness: Harness, provider: OidcProvider) -> None:
    provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert await Chat(harness, provider).log_in()


async def test_a_wrong_secret_is_the_operators_problem(harness: Harness, provider: OidcProvider) -> None:
    chat = Chat(harness, provider, client_id="other")
    with pytest.raises(Unavailable):
        await chat.finish(Answer((await _state(chat)), "code", provider.issuer, ""))


async def _state(chat: Chat) -> str:
    return parse_qs(urlsplit(await chat.oidc.begin(BROWSER)).query)["state"][0]


async def test_a_provider_that_is_down_costs_one_attempt_in_some_seconds(
    harness: Harness, provider: OidcProvider, mock_clock: MockClock
) -> None:
    chat = Chat(harness, provider, issuer=f"{provider.issuer}/nowhere")
    with capture_logs() as logs:
        for _ in range(5):
            with pytest.raises(Unavailable):
                await chat.oidc.begin(BROWSER)
    assert len(provider.asked) == len(logs) == 1
    mock_clock.jump(6)
    with pytest.raises(Unavailable):
        await chat.oidc.begin(BROWSER)
    assert len(provider.asked) == 2
