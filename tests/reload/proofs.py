"""The register of proofs: for each key that can be reloaded, a function that shows what a reload changes in running parts."""

from collections.abc import Awaitable, Callable
from pathlib import Path

Proof = Callable[[Path, str], Awaitable[None]]
"""Called with a temporary directory and the key."""

PROOFS: dict[str, Proof] = {}
SOON_SECONDS = 0.1


def proves(*keys: str) -> Callable[[Proof], Proof]:
    """Registers a function as the proof of these keys. It is run for each of them on its own."""

    def register(proof: Proof) -> Proof:
        PROOFS.update(dict.fromkeys(keys, proof))
        return proof

    return register
