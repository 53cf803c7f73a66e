"""The letters on their way out, and the task that sends them."""

import heapq
import math
from collections import Counter
from typing import TYPE_CHECKING, Literal, get_args

import msgspec
import structlog
import trio
from msgspec import Struct

from reichatd.mail.sender import parse_sender
from reichatd.mail.transport import MailDeferred, MailError, MailRefused, Transport

if TYPE_CHECKING:
    from email.message import EmailMessage

    from reichatd.settings import MailSettings


LONGEST_WAIT_SECONDS = 60.0
"""Doubling stops here, or at `mail.retry_seconds` if that is more: servers that greylist want some minutes (RFC 6647, 5), and the
code in a mail is valid for ten."""

SPARE_SECONDS = 60.0
"""A mail that comes later than this before its end is of no use to anybody."""
_SPARE = 0.1
"""Of the time for which a mail is of use, at the most."""

DAY = 86_400.0

MailOutcome = Literal["sent", "deferred", "refused", "given_up", "dropped"]
"""The outcomes of sending a mail, as the metrics count them."""

log = structlog.get_logger()


class QueuedMail(Struct, order=True):
    """A letter and when to try it, ordered by that."""

    due: float
    number: int
    """The order of posting: decides between equals, so that letters themselves are never compared."""
    letter: "EmailMessage"
    last_try: float
    """What fails after this is not tried again."""
    until: float
    """From here on it is of no use to anybody."""
    attempts: int = 0


class Outbox:
    """Takes letters at once and delivers them in its own time.

    Fresh letters and those to be tried again stand in one line, by the time they are due: a letter that failed
    steps back and lets the others by. All of it belongs to the event loop.

    Arguments:
        mail: the settings.
        password: of the SMTP login, if there is one.
        transport: what delivers; by default what `mail.backend` says.

    Raises:
        ValueError: `mail.sender` is no address.
    """

    def __init__(self, mail: "MailSettings", password: str | None, *, transport: Transport | None = None) -> None:
        self.sender = parse_sender(mail.sender)
        self.outcomes: Counter[MailOutcome] = Counter(dict.fromkeys(get_args(MailOutcome), 0))
        """How often a mail had each outcome; from the start on all are there."""
        self._mail = mail
        self._route = _Route(mail, password, transport)
        self._line: list[QueuedMail] = []
        self._posted = 0
        self._changed = trio.Event()
        self._under_way: QueuedMail | None = None
        # One attempt under way, and one that was given up and has not ended yet (a thread cannot be interrupted).
        self._threads = trio.CapacityLimiter(2)

    @property
    def backend(self) -> str:
        """The `mail.backend` in force."""
        return self._mail.backend

    @property
    def pending(self) -> int:
        """How many letters are neither delivered nor given up."""
        return len(self._line) + (self._under_way is not None)

    def post(self, letter: "EmailMessage", *, seconds: float = DAY) -> None:
        """Takes a letter. From the event loop; never waits, never fails.

        With `mail.queue` letters pending, the letter is dropped and the log says so.

        Arguments:
            seconds: for how long it is of use to its reader; after that it is not tried again.
        """
        if self.pending >= self._mail.queue:
            self.outcomes["dropped"] += 1
            log.error("mail dropped: the queue is full", to=str(letter["To"]), queue=self._mail.queue)
            return
        self._posted += 1
        now = trio.current_time()
        until = now + seconds
        self._put(QueuedMail(now, self._posted, letter, until - min(SPARE_SECONDS, _SPARE * seconds), until))

    def reload(self, mail: "MailSettings", password: str | None) -> None:
        """From here on these settings hold, also for the letters that wait: only an attempt under way ends as it began.

        Raises:
            ValueError: `mail.sender` is no address; nothing has changed.
        """
        self.sender = parse_sender(mail.sender)
        self._mail = mail
        self._route = _Route(mail, password)
        for entry in self._line:
            # What is to be tried again should not wait for a pause that may have had its reason in the former settings.
            entry.due = trio.current_time()
        heapq.heapify(self._line)
        self._changed.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Sends letters until it is cancelled. To be run once, in the daemon's nursery.

        No fault of a mail server or of a letter ends it. When it is cancelled, what is pending is lost, and the log says how
        many letters that were.
        """
        task_status.started()
        try:
            while True:
                self._under_way = await self._next()
                again = await self._try(self._under_way)
                self._under_way = None
                if again is not None:
                    self._put(again)
        finally:
            if self.pending:
                log.warning("mail not sent before the stop", letters=self.pending)

    def _put(self, entry: QueuedMail) -> None:
        heapq.heappush(self._line, entry)
        self._changed.set()

    async def _next(self) -> QueuedMail:
        """Waits until the first in line is due, and takes it out."""
        while True:
            now = trio.current_time()
            wait = self._line[0].due - now if self._line else math.inf
            if wait <= 0:
                return heapq.heappop(self._line)
            self._changed = trio.Event()
            with trio.move_on_after(wait):
                await self._changed.wait()

    async def _try(self, entry: QueuedMail) -> QueuedMail | None:
        """One attempt; the entry for a further one if there shall be one. A repeated one that comes too late is left out."""
        to, attempt = str(entry.letter["To"]), entry.attempts + 1
        if entry.attempts and trio.current_time() >= entry.until:
            self._give_up(to, entry.attempts, "its code is not valid any more")
            return None
        try:
            await self._deliver(entry.letter)
        except MailRefused as error:
            self.outcomes["refused"] += 1
            log.error("mail refused", to=to, reason=str(error))
        except MailDeferred as error:
            now = trio.current_time()
            due = next_try(attempt, now, entry.last_try, self._mail)
            if due is not None:
                self.outcomes["deferred"] += 1
                wait = round(due - now, 3)
                log.warning("mail deferred", to=to, attempt=attempt, retry_seconds=wait, reason=str(error))
                return msgspec.structs.replace(entry, due=due, attempts=attempt)
            self._give_up(to, attempt, str(error))
        else:
            self.outcomes["sent"] += 1
            log.info("mail sent", to=to, attempt=attempt)
        return None

    def _give_up(self, to: str, attempts: int, reason: str) -> None:
        self.outcomes["given_up"] += 1
        log.error("mail given up", to=to, attempts=attempts, reason=reason)

    async def _deliver(self, letter: "EmailMessage") -> None:
        seconds = self._mail.timeout_seconds
        try:
            with trio.fail_after(seconds):
                # Abandoned at the deadline, the thread ends by its own, stricter one; should it still deliver, the letter comes
                # twice, which does no harm.
                await trio.to_thread.run_sync(self._route.send, letter, abandon_on_cancel=True, limiter=self._threads)
        except trio.TooSlowError:
            raise MailDeferred(f"no success within {seconds:g} seconds") from None
        except MailError:
            raise
        except Exception as error:
            # A fault of ours or of a library: this letter's end, but not the sender's. Its class only: the text might quote.
            raise MailRefused(f"unexpected {error.__class__.__name__}") from error


class _Route:
    """How letters go out under some settings."""

    def __init__(self, mail: "MailSettings", password: str | None, transport: Transport | None = None) -> None:
        self._mail = mail
        self._password = password
        self._transport = transport

    def send(self, letter: "EmailMessage") -> None:
        """In a worker thread."""
        if self._transport is None:
            self._transport = _transport(self._mail, self._password)
        self._transport.send(letter)


def _transport(mail: "MailSettings", password: str | None) -> Transport:
    """Imports what it needs only now: most starts of the daemon are followed by no letter for a while."""
    if mail.backend == "smtp":
        from reichatd.mail.smtp import SmtpTransport

        return SmtpTransport(mail, password)
    from reichatd.mail.console import ConsoleTransport

    return ConsoleTransport(seconds=mail.timeout_seconds)


def wait_after(attempt: int, first_seconds: float) -> float:
    """The wait in seconds after the `attempt`-th failure: doubled each time, up to a bound."""
    doublings = min(attempt - 1, 100)  # no more fit into a float
    return float(min(first_seconds * 2**doublings, max(first_seconds, LONGEST_WAIT_SECONDS)))


def next_try(failed: int, now: float, last_try: float, mail: "MailSettings") -> float | None:
    """When to try a mail again after its failures, on the clock that `now` is of; None: never.

    The last try is at `last_try`, whatever the pause before it would be.
    """
    if now >= last_try or 0 < mail.attempts <= failed:
        return None
    return min(now + wait_after(failed, mail.retry_seconds), last_try)
