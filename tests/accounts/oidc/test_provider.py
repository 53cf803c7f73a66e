"""The conversation with the provider."""

from urllib.parse import parse_qs, urlsplit

import pytest
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
    for _ in range(5):
        with pytest.raises(Unavailable):
            await chat.oidc.begin(BROWSER)
    assert len(provider.asked) == 1
    mock_clock.jump(6)
    with pytest.raises(Unavailable):
        await chat.oidc.begin(BROWSER)
    assert len(provider.asked) == 2
