"""One daemon for all tests that leave it as it was, which is what they test."""

from collections.abc import Iterator

import pytest

from tests.gateway.house import House, house


@pytest.fixture(scope="session")
def shared_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    origins = "https://friend.example.org"
    with house(tmp_path_factory.mktemp("shared"), REICHATD_SERVER_ALLOWED_ORIGINS=origins) as inhabited:
        yield inhabited


@pytest.fixture
def unharmed(shared_house: House) -> Iterator[House]:
    """The daemon that they share: it must live, serve and chat after each test too."""
    yield shared_house
    shared_house.check()
