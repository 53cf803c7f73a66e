import os
import sys
import threading
from collections import Counter

import argon2
import msgspec
import pytest
import trio
import trio.lowlevel
from structlog.testing import capture_logs
from trio.testing import wait_all_tasks_blocked

from reichatd.accounts import Passwords
from reichatd.accounts.passwords import usable_cores
from reichatd.errors import Unavailable
from reichatd.settings import AuthSettings
from tests.accounts.conftest import CHEAP

SLOW = AuthSettings(argon2_time_cost=10, argon2_memory_kib=65_536)
"""About half a second; only for tests that need a hash in progress."""


async def test_hash_and_verify() -> None:
    passwords = Passwords(CHEAP)
    stored = await passwords.hash("correct horse")
    assert stored.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert await passwords.verify(stored, "correct horse", whose="user ann")
    assert not await passwords.verify(stored, "correct hors", whose="user ann")
    assert not await passwords.verify(stored, "", whose="user ann")


async def test_two_hashes_of_one_password_differ() -> None:
    passwords = Passwords(CHEAP)
    assert await passwords.hash("correct horse") != await passwords.hash("correct horse")


async def test_hashes_made_at_other_costs_are_valid() -> None:
    stored = await Passwords(msgspec.structs.replace(CHEAP, argon2_time_cost=2)).hash("correct horse")
    assert await Passwords(CHEAP).verify(stored, "correct horse", whose="user ann")


@pytest.mark.parametrize("password", ["", "pässwörd 😀", "\ud800 alone", "nul\0nul", "x" * 4096])
async def test_any_text_is_a_password(password: str) -> None:
    passwords = Passwords(CHEAP)
    stored = await passwords.hash(password)
    assert await passwords.verify(stored, password, whose="user ann")
    assert not await passwords.verify(stored, password + "x", whose="user ann")


async def test_a_hash_from_before_the_normal_form(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = Passwords(CHEAP)
    old = argon2.PasswordHasher(1, 64, 1).hash("pa\u0308sswo\u0308rd".encode())
    assert await passwords.verify(old, "pa\u0308sswo\u0308rd", whose="user ann")
    assert not await passwords.verify(old, "pa\u0308sswo\u0308re", whose="user ann")


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "x",
        "$argon2id$",
        "$argon2id$v=19$m=64,t=1,p=1$AAAA",
        "$argon2id$v=19$m=0,t=0,p=0$AAAA$AAAA",
        "ä",
        "\ud800",
        "$2b$12$abcdefghijklmnopqrstuv",
        "correct horse",
    ],
)
async def test_a_malformed_hash_matches_no_password(stored: str) -> None:
    with capture_logs() as logs:
        assert not await Passwords(CHEAP).verify(stored, "correct horse", whose="user ann")
    (line,) = logs
    assert (line["log_level"], line["whose"]) == ("error", "user ann")
    assert "correct horse" not in repr(line)


async def test_a_wrong_password_is_not_logged() -> None:
    passwords = Passwords(CHEAP)
    with capture_logs() as logs:
        assert not await passwords.verify(await passwords.hash("one"), "other", whose="user ann")
    assert logs == []


async def test_a_dummy_verification_costs_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []
    real = argon2.PasswordHasher.hash

    def counting(hasher: argon2.PasswordHasher, password: bytes) -> str:
        runs.append("hash")
        return real(hasher, password)

    monkeypatch.setattr(argon2.PasswordHasher, "hash", counting)
    await Passwords(CHEAP).verify_dummy("correct horse")
    assert runs == ["hash"]


async def test_at_most_one_hash_per_core_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    real, running, most, counts = argon2.PasswordHasher.hash, 0, 0, threading.Lock()

    def counting(hasher: argon2.PasswordHasher, password: bytes) -> str:
        nonlocal running, most
        with counts:
            running += 1
            most = max(most, running)
        try:
            return real(hasher, password)
        finally:
            with counts:
                running -= 1

    monkeypatch.setattr(argon2.PasswordHasher, "hash", counting)
    passwords = Passwords(msgspec.structs.replace(CHEAP, argon2_memory_kib=8192))
    async with trio.open_nursery() as nursery:
        for _ in range(8 * usable_cores()):
            nursery.start_soon(passwords.hash, "correct horse")
    assert 1 <= most <= usable_cores()


@pytest.mark.skipif(sys.platform != "linux", reason="niceness is a thread's own on Linux only")
async def test_only_hashing_threads_have_a_low_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    nice: list[int] = []
    real = argon2.PasswordHasher.hash

    def recording(hasher: argon2.PasswordHasher, password: bytes) -> str:
        nice.append(os.getpriority(os.PRIO_PROCESS, 0))
        return real(hasher, password)

    monkeypatch.setattr(argon2.PasswordHasher, "hash", recording)
    await Passwords(CHEAP).hash("correct horse")
    before = os.getpriority(os.PRIO_PROCESS, 0)
    assert nice == [19]
    assert before < 19
    assert await trio.to_thread.run_sync(os.getpriority, os.PRIO_PROCESS, 0) == before


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no thread steps back")
async def test_hashing_works_if_the_priority_cannot_be_lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a sandbox without setpriority(2)."""

    def refuse(*_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setpriority", refuse)
    passwords = Passwords(CHEAP)
    assert await passwords.verify(await passwords.hash("correct horse"), "correct horse", whose="user ann")


async def test_the_queue_is_bounded() -> None:
    passwords = Passwords(msgspec.structs.replace(CHEAP, argon2_waiting=3))
    answers: list[str] = []

    async def one() -> None:
        try:
            await passwords.hash("correct horse")
        except Unavailable as error:
            answers.append(f"again in {error.retry_after}")
        else:
            answers.append("hashed")

    async with trio.open_nursery() as nursery:
        for _ in range(usable_cores() + 3 + 10):
            nursery.start_soon(one)
    assert answers.count("hashed") == usable_cores() + 3
    assert answers.count("again in 2") == 10
    assert await passwords.hash("correct horse")


async def test_one_client_cannot_fill_the_queue() -> None:
    passwords = Passwords(msgspec.structs.replace(CHEAP, argon2_waiting=8))
    outcomes: Counter[tuple[str, bool]] = Counter()

    async def one(client: str) -> None:
        try:
            await passwords.hash("correct horse", client=client)
        except Unavailable:
            outcomes[client, False] += 1
        else:
            outcomes[client, True] += 1

    network, other = ["2001:db8::1", "2001:db8::2"], "192.0.2.1"
    for _ in range(2):  # the second time, the places are free again
        outcomes.clear()
        cores = [object() for _ in range(usable_cores())]
        for core in cores:
            passwords._cores.acquire_on_behalf_of_nowait(core)
        async with trio.open_nursery() as nursery:
            for client in (*network, *network, other, other):
                nursery.start_soon(one, client)
            await wait_all_tasks_blocked()
            for core in cores:
                passwords._cores.release_on_behalf_of(core)
        assert sum(outcomes[client, True] for client in network) == 2
        assert outcomes[other, True] == 2


async def test_a_cancelled_caller_leaves_the_queue() -> None:
    passwords = Passwords(msgspec.structs.replace(SLOW, argon2_waiting=1))
    async with trio.open_nursery() as nursery:
        for _ in range(usable_cores()):
            nursery.start_soon(passwords.hash, "correct horse")
        await trio.testing.wait_all_tasks_blocked()
        with trio.CancelScope() as cancelled:
            async with trio.open_nursery() as inner:
                inner.start_soon(passwords.hash, "correct horse")
                await trio.testing.wait_all_tasks_blocked()
                with pytest.raises(Unavailable):
                    await passwords.hash("correct horse")
                cancelled.cancel()
        with trio.move_on_after(0):
            # There is a free place in the queue: this call waits there until it is cancelled, and is not refused.
            await passwords.hash("correct horse")
        assert cancelled.cancelled_caught


async def test_the_event_loop_continues_during_hashing() -> None:
    passwords = Passwords(SLOW)
    rounds = 0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(passwords.hash, "correct horse")
        await trio.testing.wait_all_tasks_blocked()
        while nursery.child_tasks:
            rounds += 1
            await trio.sleep(0.01)
    assert rounds > 5
