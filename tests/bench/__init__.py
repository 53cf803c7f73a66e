"""reichatd beside its peers, in one run: `python -m tests.bench.compare`. Not part of the tests: it measures, and takes minutes."""
