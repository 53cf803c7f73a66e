"""The group commit: one task writes the posts of all connections, in batches.

While one commit is in progress in the store's worker thread, the posts for the next batch collect. The rooms get the messages of a
commit only after it is durable.

A commit costs as much for one post as for ten. So commits that follow each other start at least `limits.commit_interval_seconds`
apart; otherwise scattered posts would each be a commit of its own, as fast as the disk allows. A post after a pause does not wait.
Nor does a single user who waits for each message before posting the next.
"""

import math
import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

import msgspec
import structlog
import trio

from reichatd.chat import frames
from reichatd.chat.commit_status import CommitStatus
from reichatd.chat.connection import Connection
from reichatd.repeated_event import RepeatedEvent
from reichatd.settings import LiveSettings
from reichatd.store import Appended, Message, MessageStore, Outcome, Post, StoreError
from reichatd.timestamps import isoformat

log = structlog.get_logger()


class LiveRooms(Protocol):
    """The live rooms, as the scribe sees them. Nothing here waits."""

    def publish(self, room_id: str, entries: list[tuple[int, bytes]]) -> None:
        """Passes durable messages (id, frame) of one room, in order."""

    def reply(self, room_id: str, connection: Connection, frame: bytes) -> None:
        """Sends a frame to one connection, where it is in flight already."""


class PendingPost(msgspec.Struct, frozen=True):
    """A post, and the connection that waits for its outcome."""

    post: Post
    author: Connection


class Scribe:
    """Owns all posts and read marks that are not durable yet.

    Arguments:
        commits: gets the progress of each commit.
        clock: seconds since the epoch; gives the messages their time stamps.
    """

    def __init__(
        self,
        messages: MessageStore,
        rooms: LiveRooms,
        settings: LiveSettings,
        commits: CommitStatus,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.posts: Counter[str] = Counter(dict.fromkeys([*(outcome.name.lower() for outcome in Outcome), "failed"], 0))
        """Posts by outcome: a name of `Outcome` in lower case, or "failed". All are present from the start."""
        self._messages = messages
        self._rooms = rooms
        self._settings = settings
        self._commits = commits
        self._clock = clock
        self._pending: list[PendingPost] = []
        self._marks: dict[tuple[str, str], int] = {}
        self._marks_in_commit: dict[tuple[str, str], int] = {}
        self._wake = RepeatedEvent()
        self._space = RepeatedEvent()  # a batch has left the queue
        self._idle = RepeatedEvent()
        self._idle.set()
        self._alive = RepeatedEvent()  # the loop has taken a step
        self._failures = 0  # failed commits since the last write that succeeded

    async def post(self, connection: Connection, room_id: str, content: str, nonce: str | None) -> None:
        """Queues a message for the next commit. The connection gets the outcome as an ack or an error frame.

        Called by the connection's task. Waits only while the queue is longer than four commits.
        """
        while len(self._pending) >= 4 * self._settings.limits.commit_posts:
            await self._space.wait()
        connection.delivery.expect_reply()
        self._pending.append(
            PendingPost(Post(room_id, connection.user.user_id, content, self._clock(), nonce), connection)
        )
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
        self._space.notify_all()
        self._marks_in_commit, self._marks = self._marks, {}
        try:
            answers = (await self._messages.commit([each.post for each in batch], self._marks_in_commit)).posts
        except StoreError as error:
            log.error("commit failed", posts=len(batch), error=str(error))
            self._failures += 1
            self.posts["failed"] += len(batch)
            for each in batch:
                self._refuse(each, "unavailable", "The message could not be stored; try again later")
        else:
            self._commits.stored()
            self._count(answers)
            self._publish(batch, answers)
            self._answer(batch, answers)
        finally:
            self._marks_in_commit = {}

    def _count(self, answers: list[Appended]) -> None:
        outcomes = [answer.outcome for answer in answers]
        for outcome in Outcome:
            self.posts[outcome.name.lower()] += outcomes.count(outcome)
        if Outcome.STORED in outcomes:  # other commits may have written nothing
            self._failures = 0

    def _publish(self, batch: list[PendingPost], answers: list[Appended]) -> None:
        rooms: dict[str, list[tuple[int, bytes]]] = {}
        emails = self._settings.whole.privacy.emails
        for each, answer in zip(batch, answers, strict=True):
            if answer.outcome is Outcome.STORED:
                post, user = each.post, each.author.user
                message = Message(
                    answer.message_id,
                    user.user_id,
                    user.username,
                    user.email,
                    post.content,
                    post.timestamp,
                    shares_room=not answer.in_direct,
                )
                rooms.setdefault(post.room_id, []).append(
                    (answer.message_id, frames.latest_message(frames.as_json(message, emails)))
                )
        for room_id, entries in rooms.items():
            self._rooms.publish(room_id, entries)

    def _answer(self, batch: list[PendingPost], answers: list[Appended]) -> None:
        for each, answer in zip(batch, answers, strict=True):
            match answer.outcome:
                case Outcome.STORED | Outcome.REPEATED:
                    self._acknowledge(each, answer.message_id)
                case Outcome.NO_MEMBER:
                    self._refuse(each, "forbidden", "Forbidden")
                case Outcome.NO_ROOM:
                    self._refuse(each, "room_not_found", "Room not found")
                case Outcome.MUTED:
                    self._refuse(each, "muted", "You are muted in this room", until=isoformat(answer.until))
                case Outcome.BLOCKED:
                    self._refuse(each, "forbidden", "This user takes no messages from you")
                case Outcome.SLOW:
                    wait = max(0.001, round(answer.until - self._clock() + 0.0005, 3))
                    self._refuse(each, "rate_limited", "This room is in slow mode; wait a little", retry_after=wait)

    def _acknowledge(self, pending: PendingPost, message_id: int) -> None:
        post = pending.post
        if post.nonce is None:
            pending.author.delivery.settle(1)
        else:
            ack = frames.encode(frames.Ack(post.nonce, message_id))
            self._rooms.reply(post.room_id, pending.author, ack)

    def _refuse(self, pending: PendingPost, code: frames.ErrorCode, message: str, **more: str | float) -> None:
        """`more` are further fields of the error frame."""
        frame = frames.error(code, message, nonce=pending.post.nonce, **more)
        self._rooms.reply(pending.post.room_id, pending.author, frame)
