"""The daemons under test. Each test that asks for `daemon` or `storage` runs once for each store."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
import trio
from pymongo import MongoClient

from tests.process import DaemonProcess
from tests.several_daemons import BalancedDaemons

QUICK = {"REICHATD_AUTH_ARGON2_MEMORY_KIB": "8", "REICHATD_AUTH_ARGON2_TIME_COST": "1"}
"""Cheap password hashes: most tests need many users and no safe passwords."""

FREE = {
    "REICHATD_LIMITS_MESSAGES_PER_SECOND": "0",
    "REICHATD_LIMITS_MESSAGE_BYTES_PER_SECOND": "0",
    "REICHATD_LIMITS_POSTED_BYTES_PER_DAY": "0",
    "REICHATD_LIMITS_CHANGES_PER_MINUTE": "0",
}
"""No limits on posts and changes."""

NARROW = {"REICHATD_LIMITS_SEND_BUFFER_BYTES": "4096"}
"""A small send buffer: a reader that does not read lags soon."""

TINY = NARROW | {
    "REICHATD_LIMITS_TAIL_MESSAGES": "5",
    "REICHATD_LIMITS_TAIL_BYTES": "1024",
    "REICHATD_LIMITS_CATCH_UP_BYTES": "4096",
}
"""Small tails too: nearly every reader has to catch up, nearly always from the store."""

SHARED = QUICK | FREE | NARROW


@contextmanager
def stored_in_mongodb(uri: str) -> Iterator[dict[str, str]]:
    """Yields the settings for a new database, which is dropped after the test."""
    database = f"test-{uuid4().hex}"
    yield {
        "REICHATD_STORAGE_BACKEND": "mongodb",
        "REICHATD_STORAGE_MONGODB_URI": uri,
        "REICHATD_STORAGE_MONGODB_DATABASE": database,
    }
    with MongoClient[dict[str, Any]](uri) as client:
        client.drop_database(database)


@contextmanager
def stored_in(request: pytest.FixtureRequest, kind: str) -> Iterator[dict[str, str]]:
    """Yields the settings for an empty store.

    Arguments:
        kind: "sqlite", or the name of a fixture that has the URI of a mongod.
    """
    if kind == "sqlite":
        yield {}
    else:
        with stored_in_mongodb(request.getfixturevalue(kind)) as settings:
            yield settings


@pytest.fixture(params=["sqlite", pytest.param("mongod_replica", id="mongodb")])
def storage(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The settings for an empty store, with cheap password hashes."""
    with stored_in(request, request.param) as settings:
        yield QUICK | settings


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    is_shared = "daemon" in metafunc.fixturenames and not hasattr(metafunc.module, "daemon")
    if is_shared and metafunc.config.getoption("three_daemons"):
        # A mark, as that takes the place of the parameters that the fixture has of its own.
        three = pytest.mark.parametrize("daemon", ["mongod_set"], indirect=True, scope="session", ids=["three"])
        metafunc.definition.add_marker(three)


@pytest.fixture(scope="session", params=["sqlite", pytest.param("mongod_standalone", id="mongodb")])
def daemon(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """A running daemon without a rate limit and with small buffers, shared by tests that use their own users and rooms only."""
    with stored_in(request, request.param) as settings:
        kind = BalancedDaemons if request.param == "mongod_set" else DaemonProcess
        process = kind(tmp_path_factory.mktemp("daemon"), SHARED | settings)
        try:
            trio.run(process.start)
            yield process
            assert trio.run(process.stop) == 0, process.output
            assert "Traceback" not in process.output
        finally:
            process.kill()
