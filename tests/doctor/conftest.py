"""The stores, as for the tests from end to end."""

from tests.end_to_end.conftest import storage

__all__ = ["storage"]
