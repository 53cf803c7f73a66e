"""Passwords: argon2id in worker threads, no more at once than there are cores. The only module that imports argon2."""

import base64
import os
import secrets
import sys
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import argon2
import structlog
import trio
from argon2.exceptions import VerificationError, VerifyMismatchError

from reichatd.errors import Unavailable

if TYPE_CHECKING:
    from reichatd.settings import AuthSettings

RETRY_AFTER_SECONDS = 2

_NICENESS = 19
"""The least that a thread can ask for: a hash may take a little longer, a conversation may not wait for hashes."""

log = structlog.get_logger()
T = TypeVar("T")


class Passwords:
    """Hashes and verifies passwords, for users and rooms alike.

    As many checks run at once as the process may use cores; `auth.argon2_waiting` more wait their turn. A check once
    begun ends even if its asker is cancelled (some milliseconds); one that waits gives its place back. The threads are its own,
    since they step back behind all others, and a thread cannot step forward again.

    Arguments:
        auth: argon2's costs and the size of the waiting room.
    """

    def __init__(self, auth: "AuthSettings") -> None:
        self._hasher = argon2.PasswordHasher(auth.argon2_time_cost, auth.argon2_memory_kib, auth.argon2_parallelism)
        self._cores = trio.CapacityLimiter(usable_cores())
        self._threads = ThreadPoolExecutor(usable_cores(), "argon2", _step_back)
        self._waiting_room = auth.argon2_waiting

    async def hash(self, password: str) -> str:
        """The hash to store, with a salt of its own.

        Of the password in its normal form (NFC; RFC 8265, 4.2), since keyboards differ in how they spell one. So this may only be
        called with one that is not too long.

        Raises:
            Unavailable: the waiting room is full.
        """
        return await self._run(self._hasher.hash, _spellings(password)[0])

    async def verify(self, password_hash: str, password: str, *, whose: str) -> bool:
        """Whether this is the password. False, and a line in the log, if the stored hash is none.

        Hashes from before the normal form are of what was typed: where that is spelled otherwise, it is tried too.

        Arguments:
            whose: what the log calls the owner of the hash: "user 1f0c", "room lounge".

        Raises:
            Unavailable: the waiting room is full.
        """
        for spelling in _spellings(password):
            if await self._verify(password_hash, spelling, whose):
                return True
        return False

    async def _verify(self, password_hash: str, password: bytes, whose: str) -> bool:
        try:
            return await self._run(self._hasher.verify, password_hash, password)
        except VerifyMismatchError:
            return False
        except (VerificationError, ValueError) as error:  # ValueError: InvalidHashError, or a hash that is not ASCII
            log.error(
                "stored password hash cannot be verified", whose=whose, reason=str(error) or error.__class__.__name__
            )
            return False

    async def verify_nobody(self, password: str) -> None:
        """Takes as long as `verify`, for a user who does not exist: argon2 makes a hash and checks one by the same work.

        Raises:
            Unavailable: the waiting room is full.
        """
        for spelling in _spellings(password):
            await self._run(self._hasher.hash, spelling)

    async def _run(self, work: Callable[..., T], *arguments: object) -> T:
        # No checkpoint lies between this look and the place in the queue that `run_sync` takes.
        if not self._cores.available_tokens and self._cores.statistics().tasks_waiting >= self._waiting_room:
            raise Unavailable("Too many passwords to check, try again in a moment", retry_after=RETRY_AFTER_SECONDS)
        async with self._cores:
            return await self._in_thread(self._threads.submit(work, *arguments))

    async def _in_thread(self, future: "Future[T]") -> T:
        loop, done = trio.lowlevel.current_trio_token(), trio.Event()

        def tell(_: "Future[T]") -> None:
            with suppress(trio.RunFinishedError):
                loop.run_sync_soon(done.set)

        future.add_done_callback(tell)
        with trio.CancelScope(shield=True):
            await done.wait()
        return future.result()


def _step_back() -> None:
    """Runs in each new thread. On Linux niceness is a thread's own (setpriority(2)); elsewhere it would be the whole process's."""
    if sys.platform == "linux":
        with suppress(PermissionError):  # A sandbox may not let it; without threads nobody could log in.
            os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)


def unusable_hash() -> str:
    """A hash, of good form, that no password is known to have."""
    salt, made_up = (base64.b64encode(secrets.token_bytes(size)).rstrip(b"=").decode() for size in (16, 32))
    return f"$argon2id$v=19$m=8,t=1,p=1${salt}${made_up}"


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _spellings(password: str) -> list[bytes]:
    """What to hash for a password: its normal form, and behind it what was typed, if that differs."""
    typed = dict.fromkeys([unicodedata.normalize("NFC", password), password])
    # JSON can hold lone surrogates: such a password is odd, but it is one.
    return [spelling.encode("utf-8", "surrogatepass") for spelling in typed]
