"""Runs an import: reads the older program's database, and adds to a store what is missing there.

It can be run again at any time, and continues where it was interrupted. A user whose id exists is skipped, and so is a room whose
id and creation time exist. Messages written in the older program since are not added to such a room; to import it again, delete
it here first.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import trio

from reichatd.imports.notes import Note
from reichatd.imports.rooms import Translated, Translator, possible_ids
from reichatd.imports.users import ImportedUsers, created_at, placeholder
from reichatd.imports.values import Document, key
from reichatd.settings import LimitSettings
from reichatd.store import Store, User
from reichatd.store.bulk import UserOutcome

_USERS_AT_ONCE = 500

Progress = Callable[[str, int, int], None]
"""Receives what is being done, how much of it is done, and how much there is in total."""


class Source(Protocol):
    """The older program's database; see `reichatd.store.mongodb.reis_chatroom`."""

    async def users(self) -> Sequence[Document]: ...

    async def rooms(self) -> Sequence[Document]: ...

    async def room(self, key: object) -> Document | None: ...

    async def waiting(self) -> int: ...


class Report(msgspec.Struct):
    """What an import did, or would do.

    Arguments:
        counts: of "users", "placeholders" (in place of deleted authors), "rooms", "messages"; and of "users there" and "rooms
            there", which existed already and were skipped.
        notes: everything that was changed or left out.
    """

    dry_run: bool
    counts: Counter[str]
    notes: list[Note]


class Import:
    """One run of an import. To be used once, by one task. Errors: StoreError, of either database.

    Arguments:
        target: the store; None for one that does not exist yet, in a dry run.
        dry_run: whether to change nothing.
    """

    def __init__(
        self, source: Source, target: Store | None, limits: LimitSettings, *, dry_run: bool, progress: Progress
    ) -> None:
        assert target or dry_run
        self._source = source
        self._target = target
        self._limits = limits
        self._dry_run = dry_run
        self._progress = progress
        self._taken: set[str] = set()
        """The new ids of the rooms that this run has added or skipped."""
        self._folded: set[str] = set()
        """The same in lower case. Rooms that earlier versions imported may differ in case only."""
        self._missing_users: set[str] = set()
        """The ids of missing users who have a placeholder already."""
        self._users = ImportedUsers([])
        self.report = Report(dry_run, Counter(), [])

    async def run(self) -> None:
        """Runs the import; `report` says what was done, also after an error."""
        self._users = ImportedUsers(await self._source.users())
        await self._add_users()
        self.report.notes += self._users.notes
        await self._add_rooms()
        if waiting := await self._source.waiting():
            text = "they are left out: their codes are valid for minutes only, and they can register again"
            self.report.notes.append(Note("registration", "verification_queue", text, waiting))

    async def _add_users(self) -> None:
        users = list(self._users.by_id.values())
        for start in range(0, len(users), _USERS_AT_ONCE):
            some = users[start : start + _USERS_AT_ONCE]
            for user, outcome in zip(some, await self._added(some), strict=True):
                match outcome:
                    case UserOutcome.ADDED:
                        self.report.counts["users"] += 1
                    case UserOutcome.ALREADY_THERE:
                        self.report.counts["users there"] += 1
                    case UserOutcome.EMAIL_TAKEN:
                        await self._add_without_address(user)
            self._progress("users", start + len(some), len(users))

    async def _add_without_address(self, user: User) -> None:
        address = self._users.without_address(user.user_id, user.email, "another user here")
        await self._added([msgspec.structs.replace(user, email=address)])
        self.report.counts["users"] += 1

    async def _added(self, users: list[User]) -> list[UserOutcome]:
        if not self._dry_run and self._target:
            return await self._target.bulk_import.add_users(users)
        return [await self._would_be(user) for user in users]

    async def _would_be(self, user: User) -> UserOutcome:
        if self._target is None:
            return UserOutcome.ADDED
        if await self._target.users.by_id(user.user_id):
            return UserOutcome.ALREADY_THERE
        return UserOutcome.EMAIL_TAKEN if await self._target.users.by_email(user.email) else UserOutcome.ADDED

    async def _add_rooms(self) -> None:
        heads = sorted(await self._source.rooms(), key=created_at)
        for number, head in enumerate(heads, 1):
            await self._add_room(head)
            self._progress("rooms", number, len(heads))

    async def _add_room(self, head: Document) -> None:
        old_id = key(head.get("room_id"))
        if not old_id:
            self._leave_out(key(head.get("_id")), "it has no id")
            return
        room_id = await self._free_id(old_id, created_at(head))
        if room_id is None:
            return
        document = await self._source.room(head["_id"])
        if document is None:
            self._leave_out(old_id, "it was deleted meanwhile")
            return
        # In a thread, because a long log takes some time.
        translator = Translator(document, old_id, room_id, self._users, self._limits)
        await self._put(await trio.to_thread.run_sync(translator.translated))

    async def _free_id(self, old_id: str, created: float) -> str | None:
        """The id for a room that is to be added; None if it exists already, or has to be left out."""
        for room_id in possible_ids(self._limits, old_id):
            if await self._is_free(room_id):
                self._take(room_id)
                return room_id
            if room_id not in self._taken and await self._created_at(room_id) == created:
                self._take(room_id)
                self.report.counts["rooms there"] += 1
                return None
        self._leave_out(old_id, "other rooms have its id, and the id that would replace it")
        return None

    def _take(self, room_id: str) -> None:
        self._taken.add(room_id)
        self._folded.add(room_id.lower())

    async def _is_free(self, room_id: str) -> bool:
        free_there = self._target is None or await self._target.rooms.is_free(room_id)
        return free_there and room_id.lower() not in self._folded

    async def _created_at(self, room_id: str) -> float | None:
        room = await self._target.rooms.head(room_id) if self._target else None
        return room.created_at if room else None

    async def _put(self, found: Translated) -> None:
        placeholders = [placeholder(user_id) for user_id in found.missing_users if user_id not in self._missing_users]
        self._missing_users.update(found.missing_users)
        outcomes = await self._added(placeholders)
        self.report.counts["placeholders"] += outcomes.count(UserOutcome.ADDED)
        if self._target and not self._dry_run:
            added = await self._target.bulk_import.add_room(found.room, found.members, found.bans, found.log)
            if not added:
                self._leave_out(found.room.room_id, "a room with its id was created meanwhile")
                return
        self.report.counts["rooms"] += 1
        self.report.counts["messages"] += len(found.log)
        self.report.notes += found.notes

    def _leave_out(self, room_id: str, why: str) -> None:
        self.report.notes.append(Note("room", room_id, f"{why}: left out"))
