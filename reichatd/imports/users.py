"""The users of the older program, as users of this one. All pure, but for hashes made up."""

import hashlib
from collections.abc import Iterable

from reichatd.accounts.fields import EMAIL_CHARS, parse_email
from reichatd.accounts.passwords import unusable_hash
from reichatd.imports.notes import Note
from reichatd.imports.values import Document, documents, is_hash, key, line, number, seconds
from reichatd.store import User
from reichatd.text import normal

GONE = "deleted"
"""The name of those who have written and are no longer there."""

_USERNAME_MOST = 128


class ImportedUsers:
    """Who there is, and how far each has read.

    Arguments:
        found: the documents of the users, in any order. Of two with one address the older account keeps it.
    """

    def __init__(self, found: Iterable[Document]) -> None:
        self.users: dict[str, User] = {}
        self.notes: list[Note] = []
        self._marks: dict[tuple[str, str], int] = {}
        addresses: dict[str, str] = {}
        for document in sorted(found, key=_age):
            self._take(document, addresses)

    def mark(self, user_id: str, room_id: str) -> int:
        """The last id that a user has read in a room, by the ids of the older program; 0 if he has read none."""
        return self._marks.get((user_id, room_id), 0)

    def _take(self, document: Document, addresses: dict[str, str]) -> None:
        user_id = key(document.get("user_id"))
        if not user_id or user_id in self.users:
            problem = "another user has this id" if user_id else "it has no id"
            self._note(user_id or key(document.get("_id")), f"{problem}: left out")
            return
        username = normal(line(document.get("username"), _USERNAME_MOST), _USERNAME_MOST)
        if not username:
            self._note(user_id, f"no name: it is {GONE!r}")
        password_hash = document.get("hashed_password")
        if not is_hash(password_hash):
            self._note(user_id, "no password's hash of argon2: nobody can log in until an operator sets a password")
            password_hash = unusable_hash()
        self.users[user_id] = User(
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
            self._note(user_id, f"the address {text!r} is none ({error}): nobody can log in by it")
        if not text:
            return placeholder_address(user_id)
        owner = addresses.setdefault(text.lower(), user_id)
        if owner != user_id:
            return self.without_address(user_id, text, f"the older account {owner}")
        return text

    def without_address(self, user_id: str, email: str, owner: str) -> str:
        """The address for a user whose own one is taken, and a note of that."""
        address = placeholder_address(user_id)
        self._note(
            user_id, f"the address {email} is that of {owner}: has {address} instead, and nobody can log in by it"
        )
        return address

    def _note(self, user_id: str, text: str) -> None:
        self.notes.append(Note("user", user_id, text))


def placeholder(user_id: str) -> User:
    """Somebody in place of an author who is no longer there. Nobody can log in as one."""
    return User(user_id, placeholder_address(user_id), GONE, unusable_hash(), 0.0)


def placeholder_address(user_id: str) -> str:
    """An address that no mail can reach; the same each time, and no other user's."""
    return f"{hashlib.sha256(user_id.encode()).hexdigest()[:24]}@import.invalid"


def created_at(document: Document) -> float:
    """When something was made, in seconds since the epoch: as it says, or as the key in the database does."""
    found = seconds(document.get("created_at"))
    if found is None:
        found = seconds(getattr(document.get("_id"), "generation_time", None))
    return 0.0 if found is None else found


def _age(document: Document) -> tuple[float, str]:
    return created_at(document), key(document.get("user_id"))
