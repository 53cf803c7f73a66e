"""Refresh tokens that are good once."""

from functools import partial

import pytest
import trio

from reichatd.accounts import LoginTokens
from reichatd.audit import Event
from reichatd.errors import Unauthorized
from reichatd.store import RotateOutcome
from tests.accounts.conftest import SECRET, Harness, with_changes
from tests.store.samples import at_once
from tests.unlimited import CLIENT

THIEF = "198.51.100.7"


@pytest.fixture
async def login(harness: Harness) -> LoginTokens:
    await harness.join()
    return await harness.login()


async def refresh(harness: Harness, token: str, client: str = CLIENT) -> LoginTokens:
    return await harness.accounts.rotation.refresh(token, client=client)


async def test_each_refresh_returns_the_next_token(harness: Harness, login: LoginTokens) -> None:
    tokens = [login.refresh_token]
    for _ in range(3):
        harness.now += 900
        made = await refresh(harness, tokens[-1])
        identity = await harness.sessions.authenticate(made.access_token)
        assert identity.user.user_id == made.user_id == login.user_id
        tokens.append(made.refresh_token)
    assert len(set(tokens)) == 4
    (session,) = await harness.store.sessions.of_user(login.user_id)
    assert session.generation == 3


async def test_a_repeat_within_a_minute_gets_the_same_token(harness: Harness, login: LoginTokens) -> None:
    """Its answer was lost."""
    first = await refresh(harness, login.refresh_token)
    harness.now += 60
    again = await refresh(harness, login.refresh_token)
    assert again.refresh_token == first.refresh_token
    assert await harness.sessions.authenticate(again.access_token)
    assert (await refresh(harness, first.refresh_token)).refresh_token != first.refresh_token


async def test_two_tabs_that_refresh_at_once_get_the_same_token(
    harness: Harness, login: LoginTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have read the session before either writes."""
    real, arrived, both = harness.store.sessions.rotate, [], trio.Event()

    async def meet(*arguments: object) -> RotateOutcome:
        arrived.append(arguments)
        if len(arrived) == 2:
            both.set()
        await both.wait()
        return await real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(harness.store.sessions, "rotate", meet)
    one, other = await at_once([partial(refresh, harness, login.refresh_token)] * 2)
    assert one.refresh_token == other.refresh_token
    monkeypatch.undo()
    assert await refresh(harness, one.refresh_token)


async def test_a_stolen_token_ends_the_session(harness: Harness, login: LoginTokens) -> None:
    made = await refresh(harness, login.refresh_token)
    identity = await harness.sessions.authenticate(made.access_token)
    harness.now += 61
    with pytest.raises(Unauthorized):
        await refresh(harness, login.refresh_token, THIEF)
    assert harness.live.calls == [("sessions_ended", identity.session.session_id)]
    for call in (
        partial(refresh, harness, made.refresh_token),
        partial(harness.sessions.authenticate, made.access_token),
    ):
        with pytest.raises(Unauthorized):
            await call()
    (entry,) = await harness.audited(Event.REFRESH_TOKEN_REUSED)
    assert (entry.actor, entry.user_id, entry.address) == ("", login.user_id, THIEF)
    assert (await harness.subjects())[-1] == ("ann@example.org", "A login was ended")


async def test_a_token_before_the_last_one_is_stolen_at_any_time(harness: Harness, login: LoginTokens) -> None:
    made = await refresh(harness, login.refresh_token)
    await refresh(harness, made.refresh_token)
    with pytest.raises(Unauthorized):
        await refresh(harness, login.refresh_token)
    assert await harness.store.sessions.of_user(login.user_id) == []


async def test_a_session_that_has_rotated_takes_no_plain_refresh(harness: Harness, login: LoginTokens) -> None:
    await harness.sessions.refresh(login.refresh_token)
    made = await refresh(harness, login.refresh_token)
    for token in (login.refresh_token, made.refresh_token):
        with pytest.raises(Unauthorized):
            await harness.sessions.refresh(token)
    assert await refresh(harness, made.refresh_token), "it has not ended"


async def test_any_refresh_token_logs_out(harness: Harness, login: LoginTokens) -> None:
    made = await refresh(harness, login.refresh_token)
    await harness.sessions.logout(made.refresh_token)
    with pytest.raises(Unauthorized):
        await refresh(harness, made.refresh_token)
    assert await harness.audited(Event.REFRESH_TOKEN_REUSED) == []


async def test_forged_tokens(harness: Harness, login: LoginTokens) -> None:
    made = await refresh(harness, login.refresh_token)
    session_id, generation, mac = made.refresh_token.split(".")
    other = Harness(harness.store, harness.nursery, secret=b"x" * len(SECRET))
    forged = [
        f"{session_id}.2.{mac}",
        f"{session_id}.0{generation}.{mac}",
        f"{session_id}..{mac}",
        f"{session_id}.{generation}.",
        f"{session_id}.{generation}.{mac[:-1]}",
        f"{session_id}.{generation}.\ud800",
        f"{session_id}.{'9' * 10_000}.{mac}",
        made.access_token,
        (await refresh(harness, made.refresh_token)).access_token,
    ]
    for token in forged:
        with pytest.raises(Unauthorized):
            await refresh(harness, token)
    with pytest.raises(Unauthorized):
        await other.accounts.rotation.refresh(made.refresh_token, client=CLIENT)
    assert len(await harness.store.sessions.of_user(login.user_id)) == 1


async def test_the_login_lasts_as_long_as_without_rotation(harness: Harness, login: LoginTokens) -> None:
    token = login.refresh_token
    for _ in range(6):
        harness.now += 86_400
        token = (await refresh(harness, token)).refresh_token
    harness.now += 86_400
    with pytest.raises(Unauthorized):
        await refresh(harness, token)


async def test_without_a_grace_each_token_is_taken_once(harness: Harness) -> None:
    strict = Harness(harness.store, harness.nursery, with_changes(rotation_grace_seconds=0.0))
    await strict.join()
    login = await strict.login()
    await refresh(strict, login.refresh_token)
    strict.now += 0.1
    with pytest.raises(Unauthorized):
        await refresh(strict, login.refresh_token)


async def test_a_clock_that_is_set_back_ends_no_session(harness: Harness, login: LoginTokens) -> None:
    made = await refresh(harness, login.refresh_token)
    harness.now -= 86_400
    assert (await refresh(harness, login.refresh_token)).refresh_token == made.refresh_token
