"""Login sessions: rotated, listed and ended."""

from tests.api.conftest import Api, Someone

FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"}


async def test_rotation(api: Api, ann: Someone) -> None:
    replies = [await api("POST", "/refresh", by=ann.refresh_token) for _ in range(2)]
    assert [reply.status for reply in replies] == [200, 200]
    assert set(replies[0].body) == {"message", "tokens"}
    tokens = replies[0].body["tokens"]
    assert set(tokens) == {"access_token", "refresh_token", "type"}
    assert tokens["type"] == "Bearer"
    assert replies[1].body["tokens"]["refresh_token"] == tokens["refresh_token"] != ann.refresh_token
    assert (await api("GET", "/user", by=tokens["access_token"])).status == 200
    assert (await api("GET", "/refresh", by=ann.refresh_token)).status == 401
    assert (await api("POST", "/refresh", by=tokens["refresh_token"])).status == 200
    assert (await api("POST", "/refresh", by=ann.refresh_token)).status == 401, "used twice: the login has ended"
    assert (await api("GET", "/user", by=tokens["access_token"])).status == 401


async def test_rotation_takes_refresh_tokens_only(api: Api, ann: Someone) -> None:
    for token in (None, ann.access_token, "nonsense"):
        assert (await api("POST", "/refresh", by=token)).status == 401


async def test_sessions_are_listed_and_ended(api: Api, ann: Someone) -> None:
    body = {"email": ann.email, "password": "correct horse"}
    login = await api("POST", "/login", body, headers=FIREFOX, client="198.51.100.7")
    reply = await api("GET", "/sessions", by=ann)
    assert reply.status == 200
    here, there = reply.body["sessions"]
    assert set(here) == {"session_id", "device", "address", "created_at", "used_at", "current"}
    assert (here["current"], there["current"]) == (True, False)
    assert (there["device"], there["address"]) == ("Firefox on Linux", "198.51.100.7")
    assert there["created_at"] <= there["used_at"]
    path = f"/sessions/{there['session_id']}"
    assert (await api("DELETE", path, by=ann)).body == {"message": "ok"}
    assert (await api("GET", "/user", by=login.body["tokens"]["access_token"])).status == 401
    reply = await api("DELETE", path, by=ann)
    assert (reply.status, reply.body["code"]) == (404, "session_not_found")
    assert len((await api("GET", "/sessions", by=ann)).body["sessions"]) == 1


async def test_no_one_ends_the_sessions_of_another(api: Api, ann: Someone, bob: Someone) -> None:
    (session,) = (await api("GET", "/sessions", by=bob)).body["sessions"]
    assert (await api("DELETE", f"/sessions/{session['session_id']}", by=ann)).status == 404
    assert (await api("DELETE", "/sessions", by=ann)).status == 200
    assert (await api("GET", "/user", by=bob)).status == 200


async def test_all_others_are_ended(api: Api, ann: Someone) -> None:
    others = [await api.login(ann.email) for _ in range(2)]
    assert (await api("DELETE", "/sessions", by=ann)).body == {"message": "ok"}
    assert [(await api("GET", "/user", by=one)).status for one in (ann, *others)] == [200, 401, 401]
