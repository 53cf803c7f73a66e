"""What the daemon shows only to its operator."""

import time

from reichatd.accounts.keys import PROOF_SECONDS, Keys
from tests.api.conftest import Api

SECRET = bytes(32)


async def test_the_operator_sees_the_request_as_the_daemon_does(api: Api) -> None:
    proof = Keys(SECRET).proof(time.time())
    reply = await api("GET", "/doctor", by=proof, headers={"X-Forwarded-For": "192.0.2.1"})
    assert reply.status == 200
    assert set(reply.body) == {"message", "peer", "client", "host", "forwarded_for", "open_files"}
    assert reply.body["forwarded_for"] == "192.0.2.1"
    assert reply.body["peer"] == reply.body["client"] != "192.0.2.1"


async def test_a_proof_is_required(api: Api) -> None:
    now = time.time()
    good = Keys(SECRET).proof(now)
    bad = [
        "",
        "x",
        "1.x",
        f"{now:.0f}.",
        good.replace(".", "0."),
        Keys(b"x" * 32).proof(now),
        Keys(SECRET).proof(now - 2 * PROOF_SECONDS),
        Keys(SECRET).proof(now + 2 * PROOF_SECONDS),
        "9" * 5000 + ".é",
    ]
    for proof in bad:
        assert (await api("GET", "/doctor", by=proof)).status == 401, proof
    assert (await api("GET", "/doctor", by=good)).status == 200
