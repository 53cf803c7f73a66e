"""Reads the change stream of the database, in a thread of its own.

Where the stream breaks off, it is resumed after the last changes that were passed on. If the server no longer has what came after
them, it begins at the present.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pymongo
import structlog
from bson import ObjectId
from pymongo.change_stream import ChangeStream
from pymongo.errors import CursorNotFound, OperationFailure, PyMongoError
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from reichatd.settings import MongoDBSettings
from reichatd.store.errors import StoreError
from reichatd.store.feed import FeedOpened, Wants
from reichatd.store.mongodb.error_mapping import is_passing, map_errors
from reichatd.store.mongodb.feed_buffer import FeedBuffer
from reichatd.store.mongodb.feed_events import Translator, pipeline
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase, connect

_AWAIT_SECONDS = 0.5
"""How long the server waits for a change before it answers that there is none. So long, too, the end of the feed may take."""

_ANSWER_SECONDS = 2.0
"""How much longer an answer may take. Then the server is asked again, or another one, if it is the primary by now."""

_LONGEST_OPENING = 64.0
"""Seconds. The server reads its log of operations from the token on, up to something that the feed tells of. The time that it gets
for that doubles after each failure, from `_ANSWER_SECONDS` to this."""

_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE = 1.0
"""Seconds between two attempts to open the stream: twice as many as the last time, up to this."""

_CLIENT: Document = {
    "appname": "reichatd feed",
    "maxPoolSize": 2,
    "retryReads": False,
    "serverSelectionTimeoutMS": _ANSWER_SECONDS * 1000,
    "connectTimeoutMS": _ANSWER_SECONDS * 1000,
    "socketTimeoutMS": (_AWAIT_SECONDS + _ANSWER_SECONDS) * 1000,
}

log = structlog.get_logger()


class ChangeReader:
    """Opens the stream, again after each failure, and puts its events into the buffer. All of it belongs to the thread of `run`.

    Arguments:
        by: see `MongoDatabase.by`.
        wants: see `Store.follow`.
        heard: see `Translator`.
        wake: called when there is something in the buffer; does not wait.
    """

    def __init__(
        self,
        settings: MongoDBSettings,
        where: str,
        by: int,
        wants: Wants,
        heard: Callable[[ObjectId, int], None],
        buffer: FeedBuffer,
        wake: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._where = where
        self._by = by
        self._wants = wants
        self._heard = heard
        self._buffer = buffer
        self._wake = wake
        self._answers = _Answers()
        self._db: MongoDatabase | None = None
        self._token: Mapping[str, Any] | None = None
        """The place in the stream after all that was passed on; None if it is not known."""
        self._translator: Translator
        self._pause = 0.0
        """Seconds before the next attempt; 0 while the stream goes on."""
        self._opening_seconds = _ANSWER_SECONDS

    def run(self) -> None:
        """Reads until the buffer is closed."""
        try:
            while not self._buffer.is_closed:
                try:
                    with map_errors(self._where):
                        self._follow()
                    self._token = None  # the stream has ended: someone has dropped the database
                except StoreError as error:
                    self._failed(error)
                self._buffer.wait_closed(self._pause)
        finally:
            if self._db is not None:
                self._db.close()

    def _failed(self, error: StoreError) -> None:
        if self._token is not None and _is_history_lost(error.__cause__):
            self._token = None
            log.warning("changes by others missed, read from the store", reason=str(error))
        elif not self._pause:
            log.warning("changes by others not heard, tried again", reason=str(error))
        self._pause = min(max(2 * self._pause, _PAUSE_SECONDS), _LONGEST_PAUSE)

    def _follow(self) -> None:
        """Returns when the stream or the buffer has ended."""
        if self._db is None:
            self._db = connect(self._settings, self._where, _CLIENT | {"event_listeners": [self._answers]})
            self._translator = Translator(self._db, self._by, self._wants, self._heard)
        with self._open(self._db) as stream:
            is_whole = self._token is not None
            if not is_whole:
                self._translator.begin()
            self._token = stream.resume_token
            if self._buffer.add([FeedOpened(is_whole)]):
                self._wake()
                self._read(stream)

    def _open(self, db: MongoDatabase) -> ChangeStream[Document]:
        # A server that hangs fails here, and does not take all the time that one which has much to read gets.
        with pymongo.timeout(_ANSWER_SECONDS):
            db.database.command("ping")
        try:
            with pymongo.timeout(self._opening_seconds):
                stream = db.database.watch(
                    pipeline(self._by),
                    resume_after=self._token,
                    max_await_time_ms=int(_AWAIT_SECONDS * 1000),
                    batch_size=PAGE,
                )
        except PyMongoError as error:
            if error.timeout:
                self._opening_seconds = min(2 * self._opening_seconds, _LONGEST_OPENING)
            raise
        self._opening_seconds = _ANSWER_SECONDS
        return stream

    def _read(self, stream: ChangeStream[Document]) -> None:
        changes: list[Document] = []
        while stream.alive and not self._buffer.is_closed:
            change = stream.try_next()
            if change is not None:
                changes.append(change)
                if len(changes) < self._answers.changes:
                    continue  # the next one is here already
            if changes:
                if events := self._translator.translate(changes):
                    if not self._buffer.add(events):
                        return
                    self._wake()
                changes = []
                # An answer costs 0.4 ms whatever is in it, and a commit makes two or more: what comes now goes together.
                self._buffer.wait_closed(self._settings.feed_interval_seconds)
            self._token = stream.resume_token
            if self._pause:
                self._pause = 0.0
                log.info("changes by others heard again")


def _is_history_lost(error: BaseException | None) -> bool:
    """Whether the stream cannot be resumed from its token, to judge by why it has failed.

    The server has many codes for that: ChangeStreamHistoryLost, ChangeStreamFatalError, InvalidResumeToken, CappedPositionLost and
    more. So it counts unless the error is known to pass: to begin at the present is right in any case.
    """
    return isinstance(error, OperationFailure) and not (
        is_passing(error) or isinstance(error, CursorNotFound) or error.has_error_label("ResumableChangeStreamError")
    )


class _Answers(CommandListener):
    """Knows how many changes were in the server's last answer, so that they are passed on together: the driver does not tell."""

    def __init__(self) -> None:
        self.changes = 0

    def started(self, event: CommandStartedEvent) -> None:
        pass

    def succeeded(self, event: CommandSucceededEvent) -> None:
        if event.command_name in ("aggregate", "getMore"):
            cursor = event.reply["cursor"]
            self.changes = len(cursor["nextBatch"] if "nextBatch" in cursor else cursor["firstBatch"])

    def failed(self, event: CommandFailedEvent) -> None:
        pass
