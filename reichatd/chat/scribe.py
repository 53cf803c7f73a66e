"""The one task that writes messages: all posts of all connections, a batch at a time.

While one commit is under way in the store's worker thread the next batch gathers by itself. Only when a commit is durable do the
rooms hear of its messages.

A commit costs as much for one post as for ten. So those that follow each other without a pause keep a distance
(`limits.commit_interval_seconds`): else posts that come from everywhere a little would each be one of its own, as fast as the disk
allows. Who posts after a pause waits for nothing, nor does one who, alone, waits for each message before he posts the next.
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
from reichatd.settings import LiveSettings
from reichatd.store import Appended, Message, MessageStore, Outcome, Post, StoreError

log = structlog.get_logger()


class LiveRooms(Protocol):
    """The live rooms, as the scribe sees them. Nothing here waits."""

    def publish(self, room_id: str, entries: list[tuple[int, bytes]]) -> None:
        """Durable messages (id, frame) of one room, in order."""

    def reply(self, room_id: str, connection: Connection, frame: bytes) -> None:
        """A frame for one connection, which counts as in flight there."""


class PendingPost(msgspec.Struct, frozen=True):
    """A post and the connection that waits to hear of it."""

    post: Post
    author: Connection


class Scribe:
    """Owns everything that is posted and not yet durable.

    Arguments:
        commits: is told of each of them.
        clock: seconds since the epoch: the messages' time stamps.
    """

    def __init__(
        self,
        messages: MessageStore,
        rooms: LiveRooms,
        settings: LiveSettings,
        commits: CommitStatus,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.posts: Counter[str] = Counter()
        """How many posts had which outcome: one of `Outcome` in lower case, or "failed"."""
        self._messages = messages
        self._rooms = rooms
        self._settings = settings
        self._commits = commits
        self._clock = clock
        self._entries: list[PendingPost] = []
        self._marks: dict[tuple[str, str], int] = {}
        self._marks_under_way: dict[tuple[str, str], int] = {}
        self._wake = trio.Event()
        self._space = trio.Event()
        self._idle = trio.Event()
        self._idle.set()
        self._moved = trio.Event()
        self._failures = 0  # commits that have failed since it was last known that the store can be written to

    async def post(self, connection: Connection, room_id: str, content: str, nonce: str | None) -> None:
        """Takes a message to be written; its fate reaches the connection as an ack or an error frame.

        Called by the connection's session. Waits only while more posts than a few commits can take are pending already.
        """
        while len(self._entries) >= 4 * self._settings.limits.commit_posts:
            await self._space.wait()
        connection.delivery.expect_reply()
        self._entries.append(
            PendingPost(Post(room_id, connection.user.user_id, content, self._clock(), nonce), connection)
        )
        self._wake_up()

    def mark_read(self, room_id: str, user_id: str, message_id: int) -> None:
        """Takes a read mark to be written with the next commit. Does not wait."""
        key = (room_id, user_id)
        if message_id > self._marks.get(key, 0):
            self._marks[key] = message_id
            self._wake_up()

    def read_mark(self, room_id: str, user_id: str) -> int:
        """The read mark that is on its way to the store, 0 if none is."""
        key = (room_id, user_id)
        return max(self._marks.get(key, 0), self._marks_under_way.get(key, 0))

    async def beat(self) -> None:
        """Waits until the scribe has shown that it lives, which one that lives does within a moment.

        It lives if it takes up what is put before it, which is found out the way posts take, but without one. It also lives
        while it waits for the store: a database that is slow, or down, or a disk that hangs, is no fault that a new start of
        the daemon would mend.
        """
        if self._commits.idle:
            self._wake_up()
            await self._moved.wait()

    async def try_again(self) -> None:
        """If commits fail, finds out whether the store can be written to by now, by a write of its own; else returns at once.

        Posts would not tell: a load balancer sends nobody to a daemon that says it is not ready, so nobody posts. And to be
        ready again after a while, whatever the store does, would send people to a full disk again and again.

        Any task may call it; waits for the store.

        Raises:
            StoreError: it cannot.
        """
        failures = self._failures
        if failures:
            await self._messages.probe()
            if self._failures == failures:  # none has failed meanwhile
                self._failures = 0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Writes until cancelled; a commit that is under way then is finished first."""
        task_status.started()
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            self._show_life()
            began = -math.inf
            while self._entries or self._marks:
                await self._keep_distance(began)
                self._show_life()
                began = trio.current_time()
                with self._commits.under_way():
                    await self._commit()
            self._idle.set()

    async def drained(self) -> None:
        """Waits until everything taken so far is written, or has failed to be."""
        await self._idle.wait()

    async def _keep_distance(self, began: float) -> None:
        """Waits until the next commit may begin; not where there is enough for one already.

        Arguments:
            began: when the one before did.
        """
        due = began + self._settings.limits.commit_interval_seconds
        if len(self._entries) < self._settings.limits.commit_posts and trio.current_time() < due:
            await trio.sleep_until(due)

    def _wake_up(self) -> None:
        self._wake.set()
        if self._idle.is_set():
            self._idle = trio.Event()

    def _show_life(self) -> None:
        self._moved.set()
        self._moved = trio.Event()

    async def _commit(self) -> None:
        batch = self._entries[: self._settings.limits.commit_posts]
        del self._entries[: len(batch)]
        self._space.set()
        self._space = trio.Event()
        self._marks_under_way, self._marks = self._marks, {}
        try:
            answers = await self._messages.append([entry.post for entry in batch], self._marks_under_way)
        except StoreError as error:
            log.error("commit failed", posts=len(batch), error=str(error))
            self._failures += 1
            self.posts["failed"] += len(batch)
            for entry in batch:
                self._refuse(entry, "unavailable", "The message could not be stored; try again later")
        else:
            self._commits.stored()
            self._count(answers)
            self._publish(batch, answers)
            self._answer(batch, answers)
        finally:
            self._marks_under_way = {}

    def _count(self, answers: list[Appended]) -> None:
        outcomes = [answer.outcome for answer in answers]
        for outcome in Outcome:
            self.posts[outcome.name.lower()] += outcomes.count(outcome)
        if Outcome.STORED in outcomes:  # a commit of anything else may have written nothing
            self._failures = 0

    def _publish(self, batch: list[PendingPost], answers: list[Appended]) -> None:
        rooms: dict[str, list[tuple[int, bytes]]] = {}
        for entry, answer in zip(batch, answers, strict=True):
            if answer.outcome is Outcome.STORED:
                post, user = entry.post, entry.author.user
                message = Message(
                    answer.message_id, user.user_id, user.username, user.email, post.content, post.timestamp
                )
                rooms.setdefault(post.room_id, []).append(
                    (answer.message_id, frames.latest_message(frames.as_json(message)))
                )
        for room_id, entries in rooms.items():
            self._rooms.publish(room_id, entries)

    def _answer(self, batch: list[PendingPost], answers: list[Appended]) -> None:
        for entry, answer in zip(batch, answers, strict=True):
            match answer.outcome:
                case Outcome.STORED | Outcome.REPEATED:
                    self._acknowledge(entry, answer.message_id)
                case Outcome.NO_MEMBER:
                    self._refuse(entry, "forbidden", "Forbidden")
                case Outcome.NO_ROOM:
                    self._refuse(entry, "room_not_found", "Room not found")

    def _acknowledge(self, entry: PendingPost, message_id: int) -> None:
        post = entry.post
        if post.nonce is None:
            entry.author.delivery.settle(1)
        else:
            ack = frames.encode(frames.Ack(post.nonce, message_id))
            self._rooms.reply(post.room_id, entry.author, ack)

    def _refuse(self, entry: PendingPost, code: frames.ErrorCode, message: str) -> None:
        self._rooms.reply(entry.post.room_id, entry.author, frames.error(code, message, nonce=entry.post.nonce))
