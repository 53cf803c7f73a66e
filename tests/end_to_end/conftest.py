"""The daemons under test. Each test that asks for `daemon` or `storage` runs once for each store."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
import trio
from pymongo import MongoClient

from tests.process import DaemonProcess

STORES = ("sqlite", "mongodb")

QUICK = {"REICHATD_AUTH_ARGON2_MEMORY_KIB": "8", "REICHATD_AUTH_ARGON2_TIME_COST": "1"}
"""Most tests need many people and no safe passwords."""

FREE = {"REICHATD_LIMITS_MESSAGES_PER_SECOND": "0"}
"""Nobody is told to wait."""

NARROW = {"REICHATD_LIMITS_SEND_BUFFER_BYTES": "4096"}
"""Whoever does not read lags soon."""

SHARED = QUICK | FREE | NARROW


@contextmanager
def stored_in_mongodb(uri: str) -> Iterator[dict[str, str]]:
    """The settings for a database of its own, which is dropped behind the test."""
    database = f"test-{uuid4().hex}"
    yield {
        "REICHATD_STORAGE_BACKEND": "mongodb",
        "REICHATD_STORAGE_MONGODB_URI": uri,
        "REICHATD_STORAGE_MONGODB_DATABASE": database,
    }
    with MongoClient[dict[str, Any]](uri) as client:
        client.drop_database(database)


@pytest.fixture(params=STORES)
def storage(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The settings for an empty store."""
    if request.param == "sqlite":
        yield dict(QUICK)
    else:
        with stored_in_mongodb(request.getfixturevalue("mongod_replica")) as settings:
            yield QUICK | settings


@pytest.fixture(scope="session", params=STORES)
def daemon(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """A running daemon with no limit of pace and narrow sockets, for tests that keep to people and rooms of their own."""
    directory = tmp_path_factory.mktemp("daemon")
    if request.param == "sqlite":
        yield from _shared(DaemonProcess(directory, SHARED))
    else:
        with stored_in_mongodb(request.getfixturevalue("mongod_standalone")) as settings:
            yield from _shared(DaemonProcess(directory, SHARED | settings))


def _shared(process: DaemonProcess) -> Iterator[DaemonProcess]:
    try:
        trio.run(process.start)
        yield process
        assert trio.run(process.stop) == 0, process.output
        assert "Traceback" not in process.output
    finally:
        process.kill()
