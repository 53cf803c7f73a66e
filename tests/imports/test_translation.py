"""Translation of the older program's users and rooms, which may be in any state."""

from datetime import UTC, datetime
from typing import Any

import pytest
from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from reichatd.imports.rooms import Translated, Translator, possible_ids
from reichatd.imports.users import GONE, ImportedUsers, placeholder, placeholder_address
from reichatd.settings import LimitSettings
from reichatd.store import User
from reichatd.store.bounds import problem
from reichatd.store.bulk import Ban, Stored
from tests.imports.test_logs import MESSAGES, message
from tests.imports.test_values import ANYTHING, NOON

HASH = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"
LIMITS = LimitSettings()
WHEN = datetime.fromtimestamp(NOON, UTC).isoformat()


def older_user(user_id: str = "ann", **fields: object) -> dict[str, Any]:
    usual = {
        "email": f"{user_id}@example.org",
        "hashed_password": HASH,
        "username": user_id.title(),
        "created_at": WHEN,
    }
    return {"user_id": user_id, **usual, "rooms": [], **fields}


def older_room(**fields: object) -> dict[str, Any]:
    usual = {"room_id": "lobby", "name": "Lobby", "description": "", "password": None, "private": False, "owner": "ann"}
    return {**usual, "created_at": WHEN, "users": ["ann", "bob"], "banned_users": [], "messages": [], **fields}


USERS = [
    older_user("ann", rooms=[{"room_id": "lobby", "last_read_id": 2}, "x", {"room_id": "den"}]),
    older_user("bob", rooms=[{"room_id": "lobby", "last_read_id": "many"}]),
    older_user("eve"),
]


def translated(room_id: str = "lobby", **fields: object) -> Translated:
    return Translator(older_room(**fields), "lobby", room_id, ImportedUsers(USERS), LIMITS).translated()


def texts(found: ImportedUsers | Translated) -> str:
    return "\n".join(map(str, found.notes))


# -------------------------------------------------------------------------------------------------------------------- users


def test_a_user() -> None:
    users = ImportedUsers([older_user()])
    assert users.by_id == {"ann": User("ann", "ann@example.org", "Ann", HASH, NOON)}
    assert users.notes == []


def test_read_marks() -> None:
    users = ImportedUsers(USERS)
    assert [users.mark("ann", room_id) for room_id in ("lobby", "den", "attic")] == [2, 0, 0]
    assert users.mark("bob", "lobby") == 0


def test_the_older_account_keeps_an_address() -> None:
    younger = older_user("ann2", email="ANN@Example.org", created_at="2030-01-01")
    users = ImportedUsers([younger, older_user()])
    assert users.by_id["ann"].email == "ann@example.org"
    assert users.by_id["ann2"].email == placeholder_address("ann2")
    assert "older account ann" in texts(users)


def test_addresses_are_normalized_as_at_login() -> None:
    assert ImportedUsers([older_user(email=" Ann@EXAMPLE.org ")]).by_id["ann"].email == "Ann@example.org"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"email": None}, "the address ''"),
        ({"email": "ann at home"}, "the address 'ann at home'"),
        ({"username": None}, "has no name"),
        ({"hashed_password": None}, "set"),
        ({"hashed_password": "secret"}, "set"),
        ({"user_id": None}, "no id"),
    ],
)
def test_missing_fields_are_replaced_and_noted(fields: dict[str, Any], text: str) -> None:
    users = ImportedUsers([older_user() | fields])
    assert text in texts(users)
    for user in users.by_id.values():
        assert user.email
        assert user.username
        assert user.password_hash.startswith("$argon2id$")


def test_of_two_users_with_one_id_the_first_is_kept() -> None:
    users = ImportedUsers([older_user(username="First"), older_user(username="Second", created_at="2030-01-01")])
    assert [user.username for user in users.by_id.values()] == ["First"]
    assert "another user has this id" in texts(users)


def test_the_creation_time_may_come_from_the_database_key() -> None:
    key = ObjectId.from_datetime(datetime.fromtimestamp(NOON, UTC))
    assert ImportedUsers([older_user(created_at=None, _id=key)]).by_id["ann"].created_at == NOON


def test_placeholders() -> None:
    one, other = placeholder("Ab"), placeholder("aB")
    assert one.user_id == "Ab"
    assert one.username == GONE
    assert one.email.lower() != other.email.lower()
    assert one.password_hash != other.password_hash


DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "_id": ANYTHING,
        "user_id": st.sampled_from(["ann", "bob"]) | ANYTHING,
        "email": st.sampled_from(["ann@example.org", "Ann@example.org"]) | ANYTHING,
        "hashed_password": st.just(HASH) | ANYTHING,
        "username": ANYTHING,
        "created_at": ANYTHING,
        "rooms": st.lists(st.fixed_dictionaries({"room_id": ANYTHING, "last_read_id": ANYTHING})) | ANYTHING,
    },
)


@given(st.lists(DOCUMENTS))
def test_any_users(documents: list[dict[str, Any]]) -> None:
    users = ImportedUsers(documents).by_id.values()
    addresses = [user.email.lower() for user in users]
    assert len(set(addresses)) == len(addresses)
    assert all(user.username and user.password_hash for user in users)
    assert [problem(user) for user in users if problem(user)] == []


# ------------------------------------------------------------------------------------------------------------------- rooms


def test_a_room() -> None:
    found = translated(password=HASH, private=True, messages=[message(1, 1), message(2, 2, "b", "bob"), message(3, 3)])
    assert (found.room.room_id, found.room.name, found.room.owner) == ("lobby", "Lobby", "ann")
    assert (found.room.password_hash, found.room.created_at) == (HASH, NOON)
    assert [(member.user_id, member.last_read_id) for member in found.members] == [("ann", 2), ("bob", 0)]
    assert [entry.message_id for entry in found.log] == [1, 2, 3]
    assert (found.bans, found.missing_users, found.notes) == ([], [], [])


def test_deleted_users() -> None:
    fields: dict[str, Any] = {"users": ["ann", "gone", "ann"], "banned_users": ["gone2", "eve"]}
    found = translated(owner="boss", messages=[message(1, 1, "a", "gone"), message(2, 2, "b", "gone")], **fields)
    assert [member.user_id for member in found.members] == ["ann"]
    assert found.bans == [Ban("lobby", "eve")]
    assert found.room.owner == "boss"
    assert found.missing_users == ["boss", "gone"]
    assert "1 members are no longer users" in texts(found)
    assert "1 banned users are no longer users" in texts(found)
    assert "its owner boss" in texts(found)


def test_a_banned_owner_and_a_banned_member() -> None:
    found = translated(banned_users=["ann", "bob"])
    assert found.bans == [Ban("lobby", "bob")]
    assert [member.user_id for member in found.members] == ["ann"]
    assert "its owner is banned" in texts(found)


@pytest.mark.parametrize(
    ("fields", "private"),
    [
        ({}, False),
        ({"password": ""}, False),
        ({"password": HASH}, True),
        ({"password": HASH, "private": True}, True),
        ({"password": None, "private": True}, True),
        ({"password": "plain text"}, True),
        ({"password": 5}, True),
    ],
)
def test_a_room_that_may_be_private_never_becomes_public(fields: dict[str, Any], private: bool) -> None:
    found = translated(**fields)
    assert (found.room.password_hash is not None) == private
    assert "plain text" not in str(found)


def test_invalid_names_and_descriptions() -> None:
    found = translated(name="x" * 200, description=None)
    assert found.room.name == "x" * 100
    assert found.room.description == ""
    assert len(found.notes) == 2
    assert translated(name="two\nlines").room.name == "two lines"
    assert translated(name=None).room.name == "lobby"
    assert translated(name="\u3164\u200b").room.name == "lobby"


def test_a_new_id_is_noted() -> None:
    assert "has the id other now" in texts(translated("other"))


@given(st.text(min_size=1))
def test_ids_for_rooms(room_id: str) -> None:
    found = possible_ids(LIMITS, room_id)
    assert found == possible_ids(LIMITS, room_id)
    assert len(set(found)) == len(found)
    for one in found:
        assert one.isascii()
        assert one.isalnum()
        assert 3 <= len(one) <= 32


def test_good_ids_for_rooms_are_kept() -> None:
    assert possible_ids(LIMITS, "lobby")[0] == "lobby"
    assert "lobby" not in possible_ids(LIMITS, "lobby!")
    assert possible_ids(LIMITS, "lobby!") != possible_ids(LIMITS, "lobby?")
    assert possible_ids(LimitSettings(room_id_min=40, room_id_max=40), "lobby")[0].startswith("lobby")


@given(
    st.fixed_dictionaries(
        {},
        optional={name: ANYTHING for name in older_room() if name != "messages"} | {"messages": MESSAGES},
    )
)
def test_any_room(document: dict[str, Any]) -> None:
    found = Translator(document, "lobby", "lobby", ImportedUsers(USERS), LIMITS).translated()
    assert found.room.name
    assert len(found.room.name) <= LIMITS.room_name_max
    assert found.room.owner
    known = {user.user_id for user in ImportedUsers(USERS).by_id.values()} | set(found.missing_users)
    assert {entry.user_id for entry in found.log} | {found.room.owner} <= known
    assert {member.user_id for member in found.members}.isdisjoint(ban.user_id for ban in found.bans)
    assert all(0 <= member.last_read_id <= len(found.log) for member in found.members)
    stored: list[Stored] = [found.room, *found.members, *found.bans, *found.log]
    assert [problem(record) for record in stored if problem(record)] == []
