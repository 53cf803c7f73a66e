"""Translates a room of the older program. Pure, except for random hashes."""

import hashlib
from typing import NamedTuple

from reichatd.accounts.passwords import unusable_hash
from reichatd.imports.logs import UNKNOWN, ImportedLog, sound_log
from reichatd.imports.notes import Note
from reichatd.imports.users import ImportedUsers, created_at
from reichatd.imports.values import Document, is_hash, key, keys, line
from reichatd.settings import LimitSettings
from reichatd.store.bulk import Ban, LogEntry, Member, StoredRoom

_DIGITS = 8
"""The length of the suffix that makes a new id of a room's old one."""

_LONGEST_SHOWN = 200


class Translated(NamedTuple):
    """A room with all that belongs to it."""

    room: StoredRoom
    members: list[Member]
    bans: list[Ban]
    log: list[LogEntry]
    missing_users: list[str]
    """The ids of its owner and of authors who are no longer users."""
    notes: list[Note]


def possible_ids(limits: LimitSettings, room_id: str) -> list[str]:
    """The ids that a room may have here, the best first: its old id, if it is valid here, and one derived from it.

    The result is the same each time, so that a second import finds the rooms of the first.
    """
    plain = "".join(letter for letter in room_id if letter.isascii() and letter.isalnum())
    head = plain[: max(limits.room_id_max - _DIGITS, 0)]
    length = min(max(len(head) + _DIGITS, limits.room_id_min), limits.room_id_max)
    derived = (head + hashlib.sha512(room_id.encode()).hexdigest())[:length]
    is_one = plain == room_id and limits.room_id_min <= len(room_id) <= limits.room_id_max
    return [room_id, derived] if is_one else [derived]


class Translator:
    """Makes a room of one document.

    Arguments:
        old_id: the id that the room had.
        room_id: the id that it gets.
    """

    def __init__(
        self, document: Document, old_id: str, room_id: str, users: ImportedUsers, limits: LimitSettings
    ) -> None:
        self._document = document
        self._old_id = old_id
        self._room_id = room_id
        self._users = users
        self._limits = limits
        self._notes: list[Note] = []

    def translated(self) -> Translated:
        if self._room_id != self._old_id:
            self._note(f"has the id {self._room_id} now: its old id is invalid here, or is taken")
        room = self._room()
        log = sound_log(self._room_id, self._document.get("messages"), room.created_at)
        for change, count in log.changes.items():
            if count:
                self._notes.append(Note("message", self._old_id, change, count))
        bans = self._bans(room.owner)
        authors = dict.fromkeys([room.owner, *(entry.user_id for entry in log.entries)])
        return Translated(
            room=room,
            members=self._members({ban.user_id for ban in bans}, log, room.created_at),
            bans=bans,
            log=log.entries,
            missing_users=[user_id for user_id in authors if user_id not in self._users.by_id],
            notes=self._notes,
        )

    def _room(self) -> StoredRoom:
        owner = key(self._document.get("owner"))
        if owner not in self._users.by_id:
            self._note(f"its owner {owner or UNKNOWN} no longer exists: set a new one with `reichatd room transfer`")
        return StoredRoom(
            room_id=self._room_id,
            name=self._line("name", self._limits.room_name_max) or self._room_id,
            description=self._description(),
            owner=owner or UNKNOWN,
            password_hash=self._password_hash(),
            created_at=created_at(self._document),
        )

    def _line(self, field: str, most: int) -> str:
        found = self._document.get(field)
        text = line(found, most)
        if text != found:
            self._note(f"its {field} was {_shortened(found)}: it is {text!r} now")
        return text

    def _description(self) -> str:
        found = self._document.get("description")
        text = found[: self._limits.room_description_max] if isinstance(found, str) else ""
        if text != found:
            self._note(f"its description was {_shortened(found)}: it is cut, or empty")
        return text

    def _password_hash(self) -> str | None:
        password, private = self._document.get("password"), self._document.get("private")
        if is_hash(password):
            if private is False:
                self._note("it was marked as public, and has a password: it is private")
            return str(password)
        if not password and not private:
            return None
        # A room that may have been private never becomes public.
        self._note("it is private without an argon2 password hash: no one can join until its owner sets a password")
        return unusable_hash()

    def _bans(self, owner: str) -> list[Ban]:
        banned = keys(self._document.get("banned_users"))
        if owner in banned:
            self._note("its owner is banned: the ban is left out")
        known = [user_id for user_id in banned if user_id in self._users.by_id and user_id != owner]
        self._left_out("banned users", len(set(banned) - {owner}) - len(known), "no longer users")
        return [Ban(self._room_id, user_id) for user_id in known]

    def _members(self, banned: set[str], log: ImportedLog, joined_at: float) -> list[Member]:
        found = keys(self._document.get("users"))
        known = [user_id for user_id in found if user_id in self._users.by_id]
        self._left_out("members", len(found) - len(known), "no longer users")
        members = [user_id for user_id in known if user_id not in banned]
        self._left_out("members", len(known) - len(members), "banned")
        return [
            Member(self._room_id, user_id, joined_at, log.mark(self._users.mark(user_id, self._old_id)))
            for user_id in members
        ]

    def _left_out(self, what: str, count: int, why: str) -> None:
        if count:
            self._note(f"{count} {what} are {why}: left out")

    def _note(self, text: str) -> None:
        self._notes.append(Note("room", self._old_id, text))


def _shortened(found: object) -> str:
    text = repr(found)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
