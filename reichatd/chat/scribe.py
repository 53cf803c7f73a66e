"""The group commit: one task writes the posts and changes of all connections, in batches.

While one commit is in progress in the store's worker thread, the posts for the next batch collect. The rooms get the messages of a
commit only after it is durable.

A commit costs as much for one post as for ten. So commits that follow each other start at least `limits.commit_interval_seconds`
apart; otherwise scattered posts would each be a commit of its own, as fast as the disk allows. A post after a pause does not wait.
Nor does a single user who waits for each message before posting the next.
"""

import math
import secrets
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import msgspec
import structlog
import trio

from reichatd.audit import AuditLog
from reichatd.chat import moderation, outcomes, refusals
from reichatd.chat.commit_status import CommitStatus
from reichatd.chat.pending import LiveRooms, PendingChange, PendingPost, PostReply, Reply
from reichatd.errors import Unavailable
from reichatd.repeated_event import RepeatedEvent
from reichatd.settings import LiveSettings
from reichatd.store import (
    Change,
    ChangeOutcome,
    Committed,
    MessageStore,
    Outcome,
    Post,
    StoreError,
    StoreUnavailable,
)

_UNSTORED = "The message could not be stored; try again later"
_NONCE_BYTES = 12
"""Of the nonces that the scribe gives."""
_RETRY_SECONDS = 0.2
"""Between two tries of the same posts."""

log = structlog.get_logger()


class Scribe:
    """Owns all posts, changes and read marks that are not durable yet.

    Arguments:
        commits: gets the progress of each commit.
        clock: seconds since the epoch; gives the messages their time stamps.
        audit: gets what moderators do; None if nothing does.
    """

    def __init__(
        self,
        messages: MessageStore,
        rooms: LiveRooms,
        settings: LiveSettings,
        commits: CommitStatus,
        clock: Callable[[], float] = time.time,
        audit: AuditLog | None = None,
    ) -> None:
        self._audit = audit
        self.posts: Counter[str] = Counter(dict.fromkeys([*(outcome.name.lower() for outcome in Outcome), "failed"], 0))
        """Posts by outcome: a name of `Outcome` in lower case, or "failed". All are present from the start."""
        self.changes: Counter[str] = Counter({outcome.name.lower(): 0 for outcome in ChangeOutcome})
        """Changes in the same way, by `ChangeOutcome`."""
        self._messages = messages
        self._rooms = rooms
        self._settings = settings
        self._commits = commits
        self._clock = clock
        self._pending: list[PendingPost | PendingChange] = []
        self._marks: dict[tuple[str, str], int] = {}
        self._marks_in_commit: dict[tuple[str, str], int] = {}
        self._wake = RepeatedEvent()
        self._space = RepeatedEvent()  # a batch has left the queue
        self._idle = RepeatedEvent()
        self._idle.set()
        self._alive = RepeatedEvent()  # the loop has taken a step
        self._committed = RepeatedEvent()  # a commit is done, or has failed
        self._failures = 0  # failed commits since the last write that succeeded
        self._failed = 0  # all failed commits
        self._is_stopping = False

    async def post(self, post: Post, reply: PostReply) -> None:
        """Queues a message for the next commit. Any task may call it. Waits only while the queue is longer than four commits."""
        pending = PendingPost(post, reply)
        if post.nonce is None and self._messages.shared:
            post = msgspec.structs.replace(post, nonce=secrets.token_urlsafe(_NONCE_BYTES))
            pending = PendingPost(post, reply, is_named=False)
        while self._is_full:
            await self._space.wait()
        self._queue(pending)

    async def change(self, change: Change, reply: Reply, *, client: str = "") -> None:
        """Queues a change for the next commit, as `post` does.

        Arguments:
            client: the address that it came from, for the audit log.
        """
        while self._is_full:
            await self._space.wait()
        self._queue(PendingChange(change, reply, client))

    @property
    def _is_full(self) -> bool:
        return len(self._pending) >= 4 * self._settings.limits.commit_posts

    def _queue(self, pending: PendingPost | PendingChange) -> None:
        pending.reply.expect()
        self._pending.append(pending)
        self._wake_up()

    def mark_read(self, room_id: str, user_id: str, message_id: int) -> None:
        """Queues a read mark for the next commit. Does not wait."""
        key = (room_id, user_id)
        if message_id > self._marks.get(key, 0):
            self._marks[key] = message_id
            self._wake_up()

    def read_mark(self, room_id: str, user_id: str) -> int:
        """The member's read mark that is queued or in the commit in progress; 0 if none is."""
        key = (room_id, user_id)
        return max(self._marks.get(key, 0), self._marks_in_commit.get(key, 0))

    async def mark_written(self, room_id: str, user_id: str) -> None:
        """Waits until the member's read mark is durable. Any task may call it.

        Raises:
            Unavailable: it could not be stored; it goes with a later commit.
        """
        failed = self._failed
        while self.read_mark(room_id, user_id):
            await self._committed.wait()
            if self._failed != failed:
                raise Unavailable("The read mark could not be stored; try again later")

    async def check_alive(self) -> None:
        """Waits until the scribe has taken a step, which takes a moment unless it hangs.

        It is woken as by a post, but without one. A scribe that waits for the store is alive: a restart of the daemon would not
        help against a slow or unreachable database or a hanging disk.
        """
        if self._commits.idle:
            self._wake_up()
            await self._alive.wait()

    async def probe(self) -> None:
        """After failed commits, tries a write of its own to find out whether the store works again; otherwise returns at once.

        Posts would not show it: a load balancer sends no users to a daemon that is not ready. And becoming ready after some
        time, without a test, would send users to a full disk again and again.

        Any task may call it; waits for the store.

        Raises:
            StoreError: the write failed.
        """
        failures = self._failures
        if failures:
            await self._messages.probe()
            if self._failures == failures:  # no commit has failed meanwhile
                self._failures = 0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Writes until cancelled; a commit in progress is finished first."""
        task_status.started()
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._alive.notify_all()
            began = -math.inf
            while self._pending or self._marks:
                await self._wait_for_interval(began)
                self._alive.notify_all()
                began = trio.current_time()
                with self._commits.in_progress():
                    await self._commit()
            self._idle.set()

    def stop_retrying(self) -> None:
        """The daemon stops: posts are not tried again, so that `drained` does not wait for a store that is away. Does not wait."""
        self._is_stopping = True

    async def drained(self) -> None:
        """Waits until everything queued so far is written or has failed."""
        await self._idle.wait()

    async def _wait_for_interval(self, began: float) -> None:
        """Waits until the next commit may begin, unless a full batch is queued.

        Arguments:
            began: when the commit before began, in Trio's time.
        """
        due = began + self._settings.limits.commit_interval_seconds
        if len(self._pending) < self._settings.limits.commit_posts and trio.current_time() < due:
            await trio.sleep_until(due)

    def _wake_up(self) -> None:
        self._wake.set()
        self._idle.clear()

    async def _commit(self) -> None:
        batch = self._pending[: self._settings.limits.commit_posts]
        del self._pending[: len(batch)]
        posts = [each for each in batch if isinstance(each, PendingPost)]
        changes = [each for each in batch if isinstance(each, PendingChange)]
        self._space.notify_all()
        self._marks_in_commit, self._marks = self._marks, {}
        try:
            committed, is_retried = await self._store(posts, changes)
        except StoreError as error:
            log.error("commit failed", posts=len(posts), changes=len(changes), error=str(error))
            self._failures += 1
            self._failed += 1
            self._marks = {key: max(mark, self._marks.get(key, 0)) for key, mark in self._marks_in_commit.items()} | {
                key: mark for key, mark in self._marks.items() if key not in self._marks_in_commit
            }
            self.posts["failed"] += len(posts)
            for post in posts:
                post.reply.refuse(Unavailable(_UNSTORED))
            self._refuse(changes)
        else:
            self._commits.stored()
            self._count(committed)
            outcomes.publish(self._rooms, posts, committed, self._settings.whole.privacy.emails)
            if is_retried:
                await self._tell_mentions(posts, committed)
            if self._audit is not None:
                asked = [moderation.Asked(each.change, each.client) for each in changes]
                await moderation.record(self._audit, moderation.moderated(asked, committed))
            outcomes.answer_all(posts, changes, committed, self._clock())
        finally:
            self._marks_in_commit = {}
            self._committed.notify_all()

    async def _store(self, posts: list[PendingPost], changes: list[PendingChange]) -> tuple[Committed, bool]:
        """Commits. While a shared store is unavailable, perhaps since it elects a new primary, the posts are tried again.

        All of them have nonces, so that none is stored twice. Changes are refused at once, and removed from the list: one that was
        made without an answer would be a conflict with itself (`Edit.if_change`).

        Returns:
            the outcomes, and whether there was more than one try.
        """
        is_retried = False
        until = trio.current_time() + self._settings.limits.commit_retry_seconds
        while True:
            try:
                committed = await self._messages.commit(
                    [each.post for each in posts], self._marks_in_commit, [each.change for each in changes]
                )
                return committed, is_retried
            except StoreUnavailable as error:
                is_last = trio.current_time() + _RETRY_SECONDS >= until or self._is_stopping
                if is_last or not posts or not self._messages.shared:
                    raise
                if not is_retried:
                    log.warning("commit failed, posts are tried again", posts=len(posts), error=str(error))
                self._failures += 1
                self._refuse(changes)
                changes.clear()
                is_retried = True
                await trio.sleep(_RETRY_SECONDS)

    async def _tell_mentions(self, posts: list[PendingPost], committed: Committed) -> None:
        """Tells whom those posts mention that an earlier try has stored: its answer, which said so, was lost."""
        for pending, answer in zip(posts, committed.posts, strict=True):
            post = pending.post
            if answer.outcome is Outcome.REPEATED and (post.mentions or post.names or post.mention_room):
                with suppress(StoreError):  # then the views of the room still count them
                    key = committed.log_keys.get(post.room_id, "")
                    for message in await self._messages.by_ids(post.room_id, [answer.message_id], key):
                        everyone, found = message.extras.mention_room, message.extras.mentions
                        self._rooms.mentioned(post.room_id, message.message_id, post.user_id, found, everyone=everyone)

    def _refuse(self, changes: list[PendingChange]) -> None:
        self.changes["failed"] += len(changes)
        for change in changes:
            change.reply.refuse(Unavailable(refusals.UNCHANGED))

    def _count(self, committed: Committed) -> None:
        found = [answer.outcome for answer in committed.posts]
        for outcome in Outcome:
            self.posts[outcome.name.lower()] += found.count(outcome)
        for change in committed.changes:
            self.changes[change.outcome.name.lower()] += 1
        if failed := sum(change.outcome is ChangeOutcome.FAILED for change in committed.changes):
            log.error("changes failed", changes=failed)
        if Outcome.STORED in found or committed.changed:  # other commits may have written nothing
            self._failures = 0
