"""Faults of a store. What a caller can foresee (a name taken, a room gone) is a value, not one of these.

StoreError
├── StoreUnavailable   it does not answer now: a server that is down, a disk that is full, a lock that is not given up
│   └── StoreReplaced  its file was removed or replaced while it was open
├── StoreNotEmpty      it holds something, and was to be filled from a backup
└── NewerSchema        it was written by a newer reichatd than this one
"""


class StoreError(Exception):
    """The store failed. The text is for the log and the operator, never for a client.

    A write that ended so may or may not have been made. Every write of the protocol can be repeated without harm.
    """


class StoreUnavailable(StoreError):
    """The store does not answer now; the same call may succeed later."""


class StoreReplaced(StoreUnavailable):
    """The open file is not the one under the store's path any more: nothing is written until the store is opened again."""


class FailureCounter:
    """How many calls of a store have failed since it was opened. Counted on the event loop."""

    def __init__(self) -> None:
        self.unavailable = 0
        """With StoreUnavailable."""
        self.other = 0
        """With any other StoreError."""

    def count(self, error: StoreError) -> None:
        if isinstance(error, StoreUnavailable):
            self.unavailable += 1
        else:
            self.other += 1


class StoreNotEmpty(StoreError):
    """The store holds something already, and is left as it is."""


class NewerSchema(StoreError):
    """The store's schema is newer than this program: refused, and left as it is."""

    def __init__(self, found: int, known: int, where: str) -> None:
        super().__init__(
            f"{where} has schema version {found}, this reichatd knows versions up to {known}: start a newer reichatd"
        )
