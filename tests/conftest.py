"""The servers that tests of several rooms need; started when the first test asks, one of each kind per process."""

from collections.abc import Iterator

import pytest

from tests.mongod import Mongod


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
