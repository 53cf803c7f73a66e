"""Passwords: argon2id in worker threads, at most one for each core. The only module that imports argon2."""

import base64
import os
import secrets
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import argon2
import structlog
import trio
from argon2.exceptions import VerificationError, VerifyMismatchError

from reichatd.errors import Unavailable
from reichatd.rate_limits import network_of

if TYPE_CHECKING:
    from reichatd.settings import AuthSettings

RETRY_AFTER_SECONDS = 2
_CLIENTS = 4
"""The fewest clients that can fill the queue."""

_NICENESS = 19
"""The lowest priority: a hash may take a little longer, but conversations must not wait for hashes."""

log = structlog.get_logger()
T = TypeVar("T")


class Passwords:
    """Hashes and verifies the passwords of users and rooms.

    At most one hash runs for each core that the process may use; `auth.argon2_waiting` more wait in a queue, of one client at most
    a quarter of them. A hash that has started ends even if its caller is cancelled (some milliseconds); a cancelled caller that
    waits leaves the queue. The threads are used for nothing else: they have a low priority, which an unprivileged thread cannot
    raise again.

    Arguments:
        auth: argon2's costs and the length of the queue.
    """

    def __init__(self, auth: "AuthSettings") -> None:
        self._hasher = argon2.PasswordHasher(auth.argon2_time_cost, auth.argon2_memory_kib, auth.argon2_parallelism)
        self._cores = trio.CapacityLimiter(usable_cores())
        self._threads = ThreadPoolExecutor(usable_cores(), "argon2", _lower_priority)
        self._most_waiting = auth.argon2_waiting
        self._waiting: Counter[str] = Counter()  # by the client's network

    async def hash(self, password: str, *, client: str = "") -> str:
        """Returns the hash to store, with a fresh salt.

        The password is hashed in its normal form (NFC; RFC 8265, 4.2), since keyboards differ in how they compose characters. So
        the caller checks its length first.

        Arguments:
            client: the address that asks for it; "" if it is no client of the daemon.

        Raises:
            Unavailable: the queue is full, or this client's part of it.
        """
        return await self._run(client, self._hasher.hash, _spellings(password)[0])

    async def verify(self, password_hash: str, password: str, *, whose: str, client: str = "") -> bool:
        """Whether this is the password. False, with a line in the log, if the stored hash is malformed.

        Old hashes are of the password as it was typed. So where that differs from the normal form, it is tried too.

        Arguments:
            whose: the owner of the hash, for the log: "user 1f0c", "room lounge".
            client: as for `hash`.

        Raises:
            Unavailable: as for `hash`.
        """
        for spelling in _spellings(password):
            if await self._verify(password_hash, spelling, whose, client):
                return True
        return False

    async def _verify(self, password_hash: str, password: bytes, whose: str, client: str) -> bool:
        try:
            return await self._run(client, self._hasher.verify, password_hash, password)
        except VerifyMismatchError:
            return False
        except (VerificationError, ValueError) as error:  # ValueError: InvalidHashError, or a hash that is not ASCII
            log.error(
                "stored password hash cannot be verified", whose=whose, reason=str(error) or error.__class__.__name__
            )
            return False

    async def verify_dummy(self, password: str, *, client: str = "") -> None:
        """Takes as long as `verify`, for a user who does not exist: for argon2, hashing and verifying are the same work.

        Arguments and errors: as for `hash`.
        """
        for spelling in _spellings(password):
            await self._run(client, self._hasher.hash, spelling)

    async def _run(self, client: str, work: Callable[..., T], *arguments: object) -> T:
        try:
            self._cores.acquire_nowait()
        except trio.WouldBlock:
            await self._wait(network_of(client))
        try:
            return await self._in_thread(self._threads.submit(work, *arguments))
        finally:
            self._cores.release()

    async def _wait(self, network: str) -> None:
        """Waits for a core. No checkpoint lies between the check and the place in the queue."""
        is_full = self._cores.statistics().tasks_waiting >= self._most_waiting
        if is_full or (network and self._waiting[network] * _CLIENTS >= self._most_waiting):
            raise Unavailable("Too many passwords to check, try again in a moment", retry_after=RETRY_AFTER_SECONDS)
        self._waiting[network] += 1
        try:
            await self._cores.acquire()
        finally:
            self._waiting -= Counter([network])  # keeps no zeros

    async def _in_thread(self, future: "Future[T]") -> T:
        loop, done = trio.lowlevel.current_trio_token(), trio.Event()

        def wake(_: "Future[T]") -> None:
            with suppress(trio.RunFinishedError):
                loop.run_sync_soon(done.set)

        future.add_done_callback(wake)
        with trio.CancelScope(shield=True):
            await done.wait()
        return future.result()


def _lower_priority() -> None:
    """Runs in each new thread. Only on Linux does each thread have its own niceness (setpriority(2)), not the whole process."""
    if sys.platform == "linux":
        with suppress(PermissionError):  # A sandbox may forbid it. An error here would end the thread: no logins.
            os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)


def unusable_hash() -> str:
    """A well-formed hash that no known password has."""
    salt, digest = (base64.b64encode(secrets.token_bytes(size)).rstrip(b"=").decode() for size in (16, 32))
    return f"$argon2id$v=19$m=8,t=1,p=1${salt}${digest}"


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _spellings(password: str) -> list[bytes]:
    """What to hash for a password: its normal form, then the password as typed, if that differs."""
    typed = dict.fromkeys([unicodedata.normalize("NFC", password), password])
    # JSON can hold lone surrogates: such a password is unusual, but valid.
    return [spelling.encode("utf-8", "surrogatepass") for spelling in typed]
