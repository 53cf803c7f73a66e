"""The stores of the end-to-end tests."""

from tests.end_to_end.conftest import storage

__all__ = ["storage"]
