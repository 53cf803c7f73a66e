"""Translates the users of the older program. Pure, except for random hashes."""

import hashlib
from collections.abc import Iterable

from reichatd.accounts.fields import EMAIL_CHARS, parse_email
from reichatd.accounts.passwords import unusable_hash
from reichatd.imports.notes import Note
from reichatd.imports.values import Document, documents, is_hash, key, line, number, seconds
from reichatd.store import User
from reichatd.text import normal

GONE = "deleted"
"""The name of authors who no longer exist."""

_USERNAME_MOST = 128


class ImportedUsers:
    """The users, and their read marks.

    Arguments:
        found: the documents of the users, in any order. If two have the same address, the older account keeps it.
    """

    def __init__(self, found: Iterable[Document]) -> None:
        self.by_id: dict[str, User] = {}
        self.notes: list[Note] = []
        self._marks: dict[tuple[str, str], int] = {}
        addresses: dict[str, str] = {}
        for document in sorted(found, key=_age):
            self._take(document, addresses)

    def mark(self, user_id: str, room_id: str) -> int:
        """The last id that a user has read in a room, in the older program's ids; 0 if none."""
        return self._marks.get((user_id, room_id), 0)

    def _take(self, document: Document, addresses: dict[str, str]) -> None:
        user_id = key(document.get("user_id"))
        if not user_id or user_id in self.by_id:
            problem = "another user has this id" if user_id else "it has no id"
            self._note(user_id or key(document.get("_id")), f"{problem}: left out")
            return
        username = normal(line(document.get("username"), _USERNAME_MOST), _USERNAME_MOST)
        if not username:
            self._note(user_id, f"has no name: it is {GONE!r} now")
        password_hash = document.get("hashed_password")
        if not is_hash(password_hash):
            self._note(user_id, "has no argon2 password hash: cannot log in until an operator sets a password")
            password_hash = unusable_hash()
        self.by_id[user_id] = User(
            user_id=user_id,
            email=self._address(user_id, document.get("email"), addresses),
            username=username or GONE,
            password_hash=str(password_hash),
            created_at=created_at(document),
        )
        for joined in documents(document.get("rooms")):
            self._marks[user_id, key(joined.get("room_id"))] = max(number(joined.get("last_read_id")) or 0, 0)

    def _address(self, user_id: str, email: object, addresses: dict[str, str]) -> str:
        text = line(email, EMAIL_CHARS)
        try:
            text = parse_email(text).normal
        except ValueError as error:
            self._note(user_id, f"the address {text!r} is invalid ({error}): it cannot be used to log in")
        if not text:
            return placeholder_address(user_id)
        owner = addresses.setdefault(text.lower(), user_id)
        if owner != user_id:
            return self.without_address(user_id, text, f"the older account {owner}")
        return text

    def without_address(self, user_id: str, email: str, owner: str) -> str:
        """The address for a user whose own address is taken. Adds a note."""
        address = placeholder_address(user_id)
        self._note(
            user_id, f"the address {email} belongs to {owner}: has {address} instead, which cannot be used to log in"
        )
        return address

    def _note(self, user_id: str, text: str) -> None:
        self.notes.append(Note("user", user_id, text))


def placeholder(user_id: str) -> User:
    """A user in place of an author who no longer exists. No one can log in as this user."""
    return User(user_id, placeholder_address(user_id), GONE, unusable_hash(), 0.0)


def placeholder_address(user_id: str) -> str:
    """An address that no mail can reach; the same each time, and different for each user."""
    return f"{hashlib.sha256(user_id.encode()).hexdigest()[:24]}@import.invalid"


def created_at(document: Document) -> float:
    """When a document's user or room was created, in seconds since the epoch: from its field, or from its database key."""
    found = seconds(document.get("created_at"))
    if found is None:
        found = seconds(getattr(document.get("_id"), "generation_time", None))
    return 0.0 if found is None else found


def _age(document: Document) -> tuple[float, str]:
    return created_at(document), key(document.get("user_id"))
