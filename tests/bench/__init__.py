"""Measurements of reichatd, which take minutes and are not part of the tests: `python -m tests.bench.figures`."""
