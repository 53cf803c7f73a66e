import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.uri_parser import parse_uri

from reichatd.mongouri import database_in, with_database
from reichatd.settings import MongoDB

NAMES = st.text(string.ascii_letters + string.digits + "-_ä+", min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("mongodb://h", ""),
        ("mongodb://h/", ""),
        ("mongodb://h/?a=b/c", ""),
        ("mongodb://h/chat", "chat"),
        ("mongodb+srv://u:p@h/chat?w=1", "chat"),
        ("mongodb://a:1,b:2/a%20b", ""),
        ("mongodb://a:1,b:2/%C3%A4", "ä"),
        ("mongodb://h/chat.users", "chat"),
        ("mongodb://%2Ftmp%2Fmongodb-27017.sock/chat", "chat"),
        ("mongodb://u:p@h/admin", ""),
        ("mongodb://u:pass/word@h/chat", ""),
    ],
)
def test_the_database_of_a_uri(uri: str, name: str) -> None:
    assert database_in(uri) == name
    assert MongoDB(uri=uri).store_database == (name or "reichatd")
    assert MongoDB(uri=uri, database="mine").store_database == "mine"


@given(NAMES)
def test_it_is_the_one_that_the_driver_reads(name: str) -> None:
    uri = with_database("mongodb://h", name)
    assert database_in(uri) == parse_uri(uri)["database"] == name


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("mongodb://u:p@h/talk", "talk"),
        ("mongodb://u:p@h/admin?w=1", "admin"),
        ("mongodb://u:p@h/talk?AuthSource=admin", "admin"),
        ("mongodb://u:p@h", None),
        ("mongodb://h/talk", None),
    ],
)
def test_another_database_leaves_the_login_as_it_was(uri: str, source: str | None) -> None:
    parsed = parse_uri(with_database(uri, "other"))
    assert (parsed["database"], parsed["options"].get("authSource")) == ("other", source)
    assert {**parsed["options"], "authSource": None} == {**parse_uri(uri)["options"], "authSource": None}
