"""One daemon for all tests that must not harm it."""

from collections.abc import Iterator

import pytest

from tests.gateway.running_daemon import RunningDaemon, running_daemon


@pytest.fixture(scope="session")
def shared_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    origins = "https://friend.example.org"
    with running_daemon(tmp_path_factory.mktemp("shared"), REICHATD_SERVER_ALLOWED_ORIGINS=origins) as daemon:
        yield daemon


@pytest.fixture
def daemon(shared_daemon: RunningDaemon) -> Iterator[RunningDaemon]:
    """The shared daemon. After each test it must still run, serve and chat."""
    yield shared_daemon
    shared_daemon.check()
