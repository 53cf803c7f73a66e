"""What the daemon tells its operator, and nobody else."""

import time

import pytest

from reichatd.accounts.keys import PROOF_SECONDS, Keys
from tests.api.conftest import Api

SECRET = bytes(32)


async def test_the_operator_is_told_whom_the_daemon_sees(api: Api) -> None:
    proof = Keys(SECRET).proof(time.time())
    reply = await api("GET", "/doctor", by=proof, headers={"X-Forwarded-For": "192.0.2.1"})
    assert reply.status == 200
    assert set(reply.body) == {"message", "peer", "client", "forwarded_for", "open_files"}
    assert reply.body["forwarded_for"] == "192.0.2.1"
    assert reply.body["peer"] == reply.body["client"] != "192.0.2.1"


@pytest.mark.parametrize(
    "proof",
    [
        "",
        "x",
        "1.x",
        f"{time.time():.0f}.",
        Keys(b"x" * 32).proof(time.time()),
        Keys(SECRET).proof(time.time() - 2 * PROOF_SECONDS),
        Keys(SECRET).proof(time.time() + 1000 * PROOF_SECONDS),
        Keys(SECRET).proof(time.time()).replace(".", "0."),
        "9" * 5000 + ".é",
    ],
)
async def test_nobody_else_is(api: Api, proof: str) -> None:
    assert (await api("GET", "/doctor", by=proof)).status == 401
