import msgspec
import pymongo.uri_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reichatd.settings.environment import Found, read_environment
from reichatd.settings.keys import KEYS, nearest
from reichatd.settings.kinds import MongoURI


def texts(**environ: str) -> dict[str, str]:
    found, problems = read_environment(environ)
    assert problems == []
    return {name: text for name, (text, _) in found.items()}


def problem_keys(**environ: str) -> list[str]:
    return [problem.key for problem in read_environment(environ)[1]]


def test_every_key_has_a_variable_of_its_own() -> None:
    variables = {key.environment for key in KEYS.values()}
    assert len(variables) == len(KEYS)
    assert {"REICHATD_SERVER_PORT", "REICHATD_STORAGE_PATH", "REICHATD_STORAGE_MONGODB_URI"} <= variables


def test_other_variables_are_ignored() -> None:
    assert texts(PATH="/bin", MONGODB="x", REICHATDX="x", reichatd_server_port="x", REICHATD_CONFIG="x") == {}


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("REICHATD_SERVER_PROT", "REICHATD_SERVER_PORT"),
        ("REICHATD_MONGODB_URI", "REICHATD_STORAGE_MONGODB_URI"),
        ("REICHATD_AUTH_SECRET", "REICHATD_AUTH_SECRET_KEY"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_one(variable: str, meant: str) -> None:
    [problem] = read_environment({variable: "hunter2"})[1]
    assert problem.key == variable
    assert meant in problem.allowed.split()
    assert "hunter2" not in str(problem)


def test_an_unknown_variable_that_resembles_no_key_is_refused_too() -> None:
    assert problem_keys(REICHATD_="", REICHATD_XYZZY="") == ["REICHATD_", "REICHATD_XYZZY"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("limits.mesage_chars", "limits.message_chars"),
        ("server.message_chars", "limits.message_chars"),
        ("storage.uri", "storage.mongodb.uri"),
        ("server.hosts", "server.host"),
        ("xyzzy", None),
    ],
)
def test_the_nearest_key(name: str, meant: str | None) -> None:
    assert nearest(name, KEYS) == meant


def test_the_older_names() -> None:
    found = texts(
        SECRET_KEY="s",
        ACCESS_TOKEN_EXPIRATION_MINUTES="1",
        REFRESH_TOKEN_EXPIRATION_DAYS="2",
        VERIFICATION_CODE_EXPIRATION_MINUTES="3",
    )
    assert found == {
        "auth.secret_key": "s",
        "auth.access_token_minutes": "1",
        "auth.refresh_token_days": "2",
        "auth.verification_code_minutes": "3",
    }


@pytest.mark.parametrize(
    ("environ", "uri"),
    [
        ({"MONGODB_HOST": "db"}, "mongodb://db"),
        ({"MONGODB_PORT": "27018"}, "mongodb://127.0.0.1:27018"),
        ({"MONGODB_HOST": "::1", "MONGODB_PORT": "27018"}, "mongodb://[::1]:27018"),
        ({"MONGODB_HOST": "a:1,b:2"}, "mongodb://a:1,b:2"),
        (
            {"MONGODB_HOST": "db", "MONGODB_USERNAME": "u@/:", "MONGODB_PASSWORD": "p%+ ä"},
            "mongodb://u%40%2F%3A:p%25%2B%20%C3%A4@db/?authSource=admin",
        ),
        ({"MONGODB_URI": "mongodb://x", "MONGODB_HOST": "db", "MONGODB_PORT": "wrong"}, "mongodb://x"),
    ],
)
def test_the_older_names_of_a_mongodb_server(environ: dict[str, str], uri: str) -> None:
    assert texts(**environ) == {"storage.backend": "mongodb", "storage.mongodb.uri": uri}


def test_the_older_name_of_the_database_selects_mongodb_and_leaves_the_server() -> None:
    assert texts(MONGODB_DATABASE="chat") == {"storage.backend": "mongodb", "storage.mongodb.database": "chat"}


@given(
    st.text(min_size=1).filter(lambda text: "\0" not in text), st.text(min_size=1).filter(lambda text: "\0" not in text)
)
def test_the_driver_gets_any_login_as_written(username: str, password: str) -> None:
    uri = texts(MONGODB_USERNAME=username, MONGODB_PASSWORD=password)["storage.mongodb.uri"]
    parsed = pymongo.uri_parser.parse_uri(msgspec.convert(uri, MongoURI))
    assert (parsed["username"], parsed["password"]) == (username, password)
    assert parsed["options"]["authSource"] == "admin"


def test_empty_older_variables_count_as_not_set() -> None:
    assert texts(SECRET_KEY="", MONGODB_URI="", MONGODB_HOST="", MONGODB_PASSWORD="") == {}


@pytest.mark.parametrize(
    ("environ", "keys"),
    [
        ({"MONGODB_PORT": "tcp://10.0.0.1:27017"}, ["MONGODB_PORT"]),
        ({"MONGODB_PORT": "0"}, ["MONGODB_PORT"]),
        ({"MONGODB_PORT": "٣"}, ["MONGODB_PORT"]),
        ({"MONGODB_USERNAME": "u"}, ["MONGODB_PASSWORD"]),
        ({"MONGODB_PASSWORD": "hunter2", "MONGODB_PORT": "x"}, ["MONGODB_PORT", "MONGODB_USERNAME"]),
    ],
)
def test_older_variables_that_do_not_make_a_uri(environ: dict[str, str], keys: list[str]) -> None:
    found, problems = read_environment(environ)
    assert [problem.key for problem in problems] == keys
    assert "storage.mongodb.uri" not in found
    assert "hunter2" not in "".join(map(str, problems))


def test_the_new_name_overrides_the_older_one() -> None:
    found, problems = read_environment(
        {
            "REICHATD_AUTH_SECRET_KEY": "new",
            "SECRET_KEY": "old",
            "REICHATD_STORAGE_BACKEND": "sqlite",
            "REICHATD_STORAGE_MONGODB_URI": "mongodb://new",
            "MONGODB_PORT": "wrong",
        }
    )
    assert problems == []
    assert found == {
        "auth.secret_key": Found("new", "REICHATD_AUTH_SECRET_KEY"),
        "storage.backend": Found("sqlite", "REICHATD_STORAGE_BACKEND"),
        "storage.mongodb.uri": Found("mongodb://new", "REICHATD_STORAGE_MONGODB_URI"),
    }


def test_the_new_name_of_a_secret_file_overrides_the_older_name_of_the_secret() -> None:
    assert texts(REICHATD_AUTH_SECRET_KEY_FILE="/f", SECRET_KEY="old") == {"auth.secret_key_file": "/f"}
