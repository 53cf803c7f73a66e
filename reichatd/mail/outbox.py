"""The mail queue, and the task that delivers it."""

import heapq
import math
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, get_args

import msgspec
import structlog
import trio
from msgspec import Struct

from reichatd.errors import Unavailable
from reichatd.mail.sender import parse_sender
from reichatd.mail.transport import MailDeferred, MailError, MailRefused, Transport
from reichatd.repeated_event import RepeatedEvent

if TYPE_CHECKING:
    from email.message import EmailMessage

    from reichatd.settings import MailSettings


LONGEST_WAIT_SECONDS = 60.0
"""Doubling stops here, or at `mail.retry_seconds` if that is more: greylisting takes some minutes (RFC 6647, 5), and the code in a
mail is valid for ten."""

SPARE_SECONDS = 60.0
"""The last try is this long before the code expires, so that the reader has time to enter it."""
_SPARE_SHARE = 0.1
"""At most this share of the time for which the mail is useful."""

DAY = 86_400.0

FULL_SECONDS = 60
"""When to try again after the queue was full: a mail server that is slow or down stays so for a while."""

MailOutcome = Literal["sent", "deferred", "refused", "given_up", "dropped"]
"""The outcomes of sending a mail, as the metrics count them."""

log = structlog.get_logger()


class QueuedMail(Struct, order=True):
    """A mail and when to try it; ordered by `due`. Times are on Trio's clock."""

    due: float
    number: int
    """The order of queueing; decides between equal `due` times, so that messages are never compared."""
    message: "EmailMessage"
    last_try: float
    """A mail that fails at this time or later is not tried again."""
    expires: float
    """From this time on the mail is useless to its reader."""
    group: str
    """Whose mail it is: see `Outbox`."""
    attempts: int = 0


class Outbox:
    """Queues mail at once and delivers it in the background.

    New mails and retries share one queue, ordered by the time they are due: a failed mail does not delay the others. The queue is
    fair between groups, such as the clients that caused the mails: of those with a mail that is due, the one served longest ago is
    next.

    All methods are for the event loop.

    Arguments:
        mail: the settings.
        password: of the SMTP login, if there is one.
        name: of the sender, if `mail.sender` has none.
        transport: delivers the mail; by default the one that `mail.backend` names.

    Raises:
        ValueError: `mail.sender` is no address.
    """

    def __init__(
        self, mail: "MailSettings", password: str | None, *, name: str = "", transport: Transport | None = None
    ) -> None:
        self.sender = parse_sender(mail.sender, name)
        self.outcomes: Counter[MailOutcome] = Counter(dict.fromkeys(get_args(MailOutcome), 0))
        """Mails by outcome: sent, deferred, refused, given_up (delivery failed) or dropped. All are present from the start."""
        self._mail = mail
        self._route = _Route(mail, password, transport)
        self._groups: OrderedDict[str, list[QueuedMail]] = (
            OrderedDict()
        )  # heaps, none empty; the group served last is the last
        self._reserved = 0
        self._last_number = 0
        self._changed = RepeatedEvent()
        self._in_progress: QueuedMail | None = None
        # One attempt in progress, and one that timed out and has not ended yet (a thread cannot be interrupted).
        self._threads = trio.CapacityLimiter(2)

    @property
    def backend(self) -> str:
        """The `mail.backend` in force."""
        return self._mail.backend

    @property
    def pending(self) -> int:
        """How many mails are neither delivered nor failed."""
        return sum(map(len, self._groups.values())) + (self._in_progress is not None)

    @contextmanager
    def reserve(self, *, to: str) -> Iterator[None]:
        """Keeps a place in the queue, for one mail that is queued inside or not at all.

        Arguments:
            to: the recipient, for the log.

        Raises:
            Unavailable: the queue is full.
        """
        if self.pending + self._reserved >= self._mail.queue:
            self._drop(to)
            raise Unavailable("Too many mails wait to be sent, try again later", retry_after=FULL_SECONDS)
        self._reserved += 1
        try:
            yield
        finally:
            self._reserved -= 1

    def enqueue(self, message: "EmailMessage", *, seconds: float = DAY, group: str = "") -> None:
        """Queues a mail. For the event loop; never waits, never fails.

        If `mail.queue` mails are pending, the mail is dropped and the log says so; see `reserve`.

        Arguments:
            seconds: how long the mail is useful to its reader; after that it is not tried again.
            group: whose mail it is; the mails of one group do not delay those of others.
        """
        if self.pending >= self._mail.queue:
            self._drop(str(message["To"]))
            return
        self._last_number += 1
        now = trio.current_time()
        expires = now + seconds
        last_try = expires - min(SPARE_SECONDS, _SPARE_SHARE * seconds)
        self._push(QueuedMail(now, self._last_number, message, last_try, expires, group))

    def reload(self, mail: "MailSettings", password: str | None, *, name: str = "") -> None:
        """Applies new settings, also to queued mail; only an attempt in progress ends with the former ones.

        Raises:
            ValueError: `mail.sender` is no address; nothing has changed.
        """
        self.sender = parse_sender(mail.sender, name)
        self._mail = mail
        self._route = _Route(mail, password)
        for heap in self._groups.values():
            for queued in heap:
                # The former settings may be the reason for a failure: no retry waits for its pause.
                queued.due = trio.current_time()
            heapq.heapify(heap)
        self._changed.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Delivers mail until it is cancelled. Runs once, in the daemon's nursery.

        No error of a mail server or of a message ends it. When it is cancelled, pending mail is lost, and the log says how much.
        """
        task_status.started()
        try:
            while True:
                self._in_progress = await self._next()
                retry = await self._try(self._in_progress)
                self._in_progress = None
                if retry is not None:
                    self._push(retry)
        finally:
            if self.pending:
                log.warning("mail not sent before shutdown", mails=self.pending)

    def _drop(self, to: str) -> None:
        self.outcomes["dropped"] += 1
        log.error("mail dropped: the queue is full", to=to, queue=self._mail.queue)

    def _push(self, queued: QueuedMail) -> None:
        heapq.heappush(self._groups.setdefault(queued.group, []), queued)
        self._changed.set()

    async def _next(self) -> QueuedMail:
        """Waits until a mail is due, and removes it."""
        while True:
            now = trio.current_time()
            for group, heap in self._groups.items():
                if heap[0].due <= now:
                    return self._pop(group)
            self._changed.clear()
            with trio.move_on_at(min((heap[0].due for heap in self._groups.values()), default=math.inf)):
                await self._changed.wait()

    def _pop(self, group: str) -> QueuedMail:
        heap = self._groups[group]
        queued = heapq.heappop(heap)
        self._groups.move_to_end(group)
        if not heap:
            del self._groups[group]
        return queued

    async def _try(self, queued: QueuedMail) -> QueuedMail | None:
        """Makes one attempt, or none if a retry comes too late. Returns the mail to queue again, if there is to be a retry."""
        to, attempt = str(queued.message["To"]), queued.attempts + 1
        if queued.attempts and trio.current_time() >= queued.expires:
            self._fail(to, queued.attempts, "its code has expired")
            return None
        try:
            await self._deliver(queued.message)
        except MailRefused as error:
            self.outcomes["refused"] += 1
            log.error("mail refused", to=to, reason=str(error))
        except MailDeferred as error:
            now = trio.current_time()
            due = next_try(attempt, now, queued.last_try, self._mail)
            if due is not None:
                self.outcomes["deferred"] += 1
                wait = round(due - now, 3)
                log.warning("mail deferred", to=to, attempt=attempt, retry_seconds=wait, reason=str(error))
                return msgspec.structs.replace(queued, due=due, attempts=attempt)
            self._fail(to, attempt, str(error))
        else:
            self.outcomes["sent"] += 1
            log.info("mail sent", to=to, attempt=attempt)
        return None

    def _fail(self, to: str, attempts: int, reason: str) -> None:
        self.outcomes["given_up"] += 1
        log.error("mail delivery failed", to=to, attempts=attempts, reason=reason)

    async def _deliver(self, message: "EmailMessage") -> None:
        seconds = self._mail.timeout_seconds
        try:
            with trio.fail_after(seconds):
                # A thread that is abandoned here ends at the transport's own timeouts. If it still delivers, the mail arrives
                # twice, which does no harm.
                await trio.to_thread.run_sync(self._route.send, message, abandon_on_cancel=True, limiter=self._threads)
        except trio.TooSlowError:
            raise MailDeferred(f"no success within {seconds:g} seconds") from None
        except MailError:
            raise
        except Exception as error:
            # A bug of ours or of a library fails this mail, not the task. Only its class is logged: its text may quote the mail.
            raise MailRefused(f"unexpected {error.__class__.__name__}") from error


class _Route:
    """The transport for some settings, made when the first mail is sent."""

    def __init__(self, mail: "MailSettings", password: str | None, transport: Transport | None = None) -> None:
        self._mail = mail
        self._password = password
        self._transport = transport

    def send(self, message: "EmailMessage") -> None:
        """For a worker thread; blocks. Errors as for `Transport.send`."""
        if self._transport is None:
            self._transport = _transport(self._mail, self._password)
        self._transport.send(message)


def _transport(mail: "MailSettings", password: str | None) -> Transport:
    """Imports the transport only now: after most starts the daemon sends no mail for a while."""
    if mail.backend == "smtp":
        from reichatd.mail.smtp import SmtpTransport

        return SmtpTransport(mail, password)
    from reichatd.mail.console import ConsoleTransport

    return ConsoleTransport(seconds=mail.timeout_seconds)


def wait_after(attempt: int, first_seconds: float) -> float:
    """The wait in seconds after the `attempt`-th failure: doubled each time, up to a limit."""
    doublings = min(attempt - 1, 100)  # no more fit into a float
    return float(min(first_seconds * 2**doublings, max(first_seconds, LONGEST_WAIT_SECONDS)))


def next_try(failed: int, now: float, last_try: float, mail: "MailSettings") -> float | None:
    """When to try a mail again after `failed` failures, on the clock of `now`; None: never.

    The last try is at `last_try`, however long the pause before it would be.
    """
    if now >= last_try or 0 < mail.attempts <= failed:
        return None
    return min(now + wait_after(failed, mail.retry_seconds), last_try)
