"""States and codes, as they pass through the browser."""

import msgspec
import pytest
import trio

from reichatd.accounts.oidc.handshake import browser_value
from reichatd.errors import InvalidCode, RateLimited
from tests.accounts.conftest import Harness
from tests.accounts.oidc.conftest import BROWSER, Chat
from tests.unlimited import CLIENT


async def test_what_one_daemon_begins_another_finishes(chat: Chat, harness: Harness) -> None:
    second, third = Chat(harness, chat.provider), Chat(harness, chat.provider)
    code = await second.finish(await chat.arrive())
    assert (await third.oidc.redeem(code, BROWSER, client=CLIENT)).user_id


async def test_a_login_works_in_the_browser_that_began_it_only(chat: Chat) -> None:
    answer = await chat.arrive()
    for browser in (browser_value(""), ""):
        with pytest.raises(InvalidCode):
            await chat.finish(answer, browser)
    code = await chat.finish(answer)
    for browser in (browser_value(""), ""):
        with pytest.raises(InvalidCode):
            await chat.oidc.redeem(code, browser, client=CLIENT)


async def test_codes_are_good_once(chat: Chat) -> None:
    answer = await chat.arrive()
    code = await chat.finish(answer)
    with pytest.raises(InvalidCode):
        await chat.finish(answer)  # the provider's
    outcomes: list[str] = []

    async def redeem() -> None:
        try:
            await chat.oidc.redeem(code, BROWSER, client=CLIENT)
        except InvalidCode:
            outcomes.append("refused")
        else:
            outcomes.append("ok")

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(redeem)
    assert sorted(outcomes) == ["ok", "refused", "refused", "refused"]


async def test_states_and_codes_expire(chat: Chat, harness: Harness) -> None:
    answer = await chat.arrive()
    harness.now += 601
    with pytest.raises(InvalidCode):
        await chat.finish(answer)
    code = await chat.finish(await chat.arrive())
    harness.now += 62
    with pytest.raises(InvalidCode):
        await chat.oidc.redeem(code, BROWSER, client=CLIENT)


async def test_a_state_that_was_changed(chat: Chat) -> None:
    state, code, issuer, _ = await chat.arrive()
    seed, ends_at, session_id, made = state.split(".")
    for forged in (
        "",
        "...",
        ".".join((seed, str(int(ends_at) + 1), session_id, made)),
        ".".join((seed, ends_at, "session", made)),
        ".".join((seed, ends_at, session_id, made[:-1])),
        f"{state}.{made}",
        "ä" * 60,
        "x" * 5000,
    ):
        with pytest.raises(InvalidCode):
            await chat.oidc.finish(forged, code, issuer, BROWSER, client=CLIENT)
    for forged in ("", "x", "gAAAAA", "ä", "\ud800", "x" * 5000, state):
        with pytest.raises(InvalidCode):
            await chat.oidc.redeem(forged, BROWSER, client=CLIENT)


async def test_one_client_cannot_guess_for_long(chat: Chat) -> None:
    limits = msgspec.structs.replace(chat.settings.limits, guesses_per_client=3)
    chat.settings.replace(msgspec.structs.replace(chat.settings.whole, limits=limits))
    await chat.log_in()
    for _ in range(3):
        with pytest.raises(InvalidCode):
            await chat.oidc.redeem("guess", BROWSER, client=CLIENT)
    with pytest.raises(RateLimited):
        await chat.oidc.redeem("guess", BROWSER, client=CLIENT)
    with pytest.raises(RateLimited):
        await chat.oidc.finish("guess", "guess", None, BROWSER, client=CLIENT)
