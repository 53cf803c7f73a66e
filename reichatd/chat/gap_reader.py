"""Reads what a live room lacks from the store, once for all who listen to it."""

from collections.abc import Sequence
from typing import Protocol

import structlog
import trio

from reichatd.chat import frames
from reichatd.chat.arrivals import Arrivals
from reichatd.chat.log import RoomLog
from reichatd.chat.stored_log import StoredLog
from reichatd.settings import EmailVisibility, LiveSettings
from reichatd.store import ChangedMessage, StoreError, is_cut
from reichatd.store.bounds import LAST_ID

_PAGE = 200
"""Messages in one read."""
_RETRY_SECONDS = 1.0

log = structlog.get_logger()


class RoomWithGaps(Protocol):
    """The live room, as the reader sees it."""

    room_id: str
    settings: LiveSettings
    log: RoomLog
    stored: StoredLog
    outdated: int
    """Counts what makes messages out of date that are being read."""

    @property
    def first_id(self) -> int:
        """The id that the log begins with, as far as the room knows."""

    @property
    def emails(self) -> EmailVisibility:
        """The users that see addresses now."""

    def publish(self, entries: list[tuple[int, bytes]]) -> None:
        """Takes messages."""

    def receive_changes(self, changed: Sequence[ChangedMessage], up_to: int) -> None:
        """Takes changes: see `Arrivals.read`."""

    def skip_removed(self) -> None:
        """Goes on where the log begins."""


class GapReader:
    """Owns the task that reads, which exists only while the room lacks something.

    It waits a moment first (`limits.gap_seconds`): most of what is missing is on its way, by the feed.
    """

    def __init__(self, room: RoomWithGaps, arrivals: Arrivals) -> None:
        self._room = room
        self._arrivals = arrivals
        self._is_running = False

    def start(self, nursery: trio.Nursery) -> None:
        """The room lacks something. Does not wait.

        Arguments:
            nursery: the room's.
        """
        if not self._is_running:
            self._is_running = True
            nursery.start_soon(self._run)

    async def _run(self) -> None:
        arrivals, room = self._arrivals, self._room
        pause = room.settings.limits.gap_seconds
        is_failing = False
        while True:
            next_id, changes = room.log.next_id, arrivals.changes_read
            await trio.sleep(pause)
            # No await between this and the end: what the room is told of later starts the task again.
            if arrivals.is_complete:
                self._is_running = False
                return
            try:
                # What has moved on meanwhile has another gap now, which may be filled in its turn.
                are_found = room.log.next_id != next_id or await self._read_messages()
                if arrivals.changes_read == changes:
                    await self._read_changes()
            except StoreError as error:
                if not is_failing:
                    log.warning("gap in a room not read, retried", room_id=room.room_id, error=str(error))
                is_failing, pause = True, _RETRY_SECONDS
            else:
                is_failing = False
                # What is not found cannot be seen yet.
                pause = room.settings.limits.gap_seconds if are_found else min(2 * pause + 0.01, _RETRY_SECONDS)

    async def _read_messages(self) -> bool:
        """Reads the messages that are missing; False if not all of them were found."""
        room, max_chars = self._room, self._room.settings.limits.catch_up_bytes
        while (missing := self._arrivals.missing) is not None:
            (first_id, last_id), outdated = missing, room.outdated
            messages = await room.stored.read(first_id, min(last_id, first_id + _PAGE - 1), max_chars)
            if not messages or messages[0].message_id > first_id:
                await room.stored.update_first_id()
            if outdated != room.outdated:
                continue
            if room.first_id > first_id:
                room.skip_removed()
            frames_read = [frames.latest_message(frames.as_json(each, room.emails)) for each in messages]
            room.publish([(each.message_id, frame) for each, frame in zip(messages, frames_read, strict=True)])
            if room.log.next_id <= first_id:
                return False
        return True

    async def _read_changes(self) -> None:
        """Reads the changes that are missing."""
        room, arrivals, max_chars = self._room, self._arrivals, self._room.settings.limits.catch_up_bytes
        while arrivals.lacks_changes:
            up_to, outdated = arrivals.last_change, room.outdated
            messages = await room.stored.read_changes(arrivals.changes_read, 0, LAST_ID, _PAGE, max_chars)
            if outdated != room.outdated:
                continue
            if len(messages) == _PAGE or is_cut(messages, max_chars):
                up_to = messages[-1].change_id
            room.receive_changes([ChangedMessage(room.room_id, each) for each in messages], up_to)
