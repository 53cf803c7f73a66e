"""Fixtures for several folders. Each test process starts one server of each kind, when the first test asks for it."""

import logging
import os
from collections.abc import Iterator

import hypothesis
import pytest
import structlog

from tests.mongod import Mongod
from tests.replica_set import ReplicaSet

# No deadline: how long an example takes depends on what else runs on the machine. In CI the examples are the same in each run: new
# ones are found by those who run the tests, and do not refuse a change that has nothing to do with them.
hypothesis.settings.register_profile("reichatd", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("reichatd")


@pytest.fixture(scope="session")
def mongod_standalone() -> Iterator[str]:
    """The URI of a mongod without a replica set."""
    with Mongod(replica_set=False) as mongod:
        yield mongod.uri


@pytest.fixture(scope="session")
def mongod_replica() -> Iterator[str]:
    """The URI of a mongod that is a replica set of one node."""
    with Mongod(replica_set=True) as mongod:
        yield mongod.uri


@pytest.fixture(scope="session")
def mongod_set() -> Iterator[str]:
    """The URI of a replica set of three nodes, all of which stay."""
    with ReplicaSet() as replica_set:
        yield replica_set.uri


@pytest.fixture(scope="module")
def replica_set() -> Iterator[ReplicaSet]:
    """A replica set of three nodes, for the tests of one module. A test leaves it whole (`heal`)."""
    with ReplicaSet() as replica_set:
        yield replica_set


@pytest.fixture
def restored_logs() -> Iterator[None]:
    """Restores the log of the test process, for tests that configure it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--three-daemons",
        action="store_true",
        help="tests/contract, and the tests of tests/end_to_end that share a daemon, have three on a replica set of three nodes "
        "in its place, and each connection goes to the next one; without it a few of them do, beside the one daemon",
    )


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """More processes than cores: most tests wait for a daemon rather than compute."""
    return max(4, os.cpu_count() or 1)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where the variable CI is set, a skipped test fails the run: what it needs must be installed there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped") if reporter else None
    if reporter and skipped and os.environ.get("CI") and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"{len(skipped)} skipped, which CI does not allow", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
