import string
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo import MongoClient
from pymongo.uri_parser import parse_uri

from reichatd.mongouri import database_in, without_database
from reichatd.settings import MongoDBSettings

NAMES = st.text(string.ascii_letters + string.digits + "-_ä+", min_size=1, max_size=20).filter(
    lambda name: name not in ("admin", "config", "local")
)


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
    assert MongoDBSettings(uri=uri).store_database == (name or "reichatd")
    assert MongoDBSettings(uri=uri, database="mine").store_database == "mine"


@given(NAMES)
def test_the_driver_finds_the_same_database(name: str) -> None:
    uri = f"mongodb://h/{quote(name, safe='')}"
    assert database_in(uri) == parse_uri(uri)["database"] == name


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("mongodb://u:p@h/talk", "talk"),
        ("mongodb://u:p@h/admin?w=1", "admin"),
        ("mongodb://u:p@h/talk?AuthSource=admin", "admin"),
        ("mongodb://u:p@h", "admin"),
        ("mongodb://u@h/?authMechanism=MONGODB-X509", "$external"),
    ],
)
def test_without_the_database_the_login_stays_the_same(uri: str, source: str) -> None:
    for each in (uri, without_database(uri)):
        credentials = MongoClient[dict[str, Any]](each, connect=False)._options.pool_options._credentials
        assert credentials is not None
        assert credentials.source == source
    parsed = parse_uri(without_database(uri))
    assert parsed["database"] is None
    assert {**parsed["options"], "authSource": None} == {**parse_uri(uri)["options"], "authSource": None}


def test_with_srv_the_txt_record_has_the_auth_source() -> None:
    assert without_database("mongodb+srv://u:p@h/talk?w=1") == "mongodb+srv://u:p@h/?w=1"
    assert without_database("mongodb://h/talk") == "mongodb://h/"
