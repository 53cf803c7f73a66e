"""Errors of a store. An outcome that a caller must expect (a name taken, a room deleted) is a value, not one of these.

StoreError
├── StoreUnavailable   it does not answer now: a server is down, a disk is full, a lock is not released
│   └── StoreReplaced  its file was removed or replaced while it was open
├── StoreInUse         another daemon uses it, and it allows one only
├── OlderDaemons       older daemons run on it, which its next schema would break
├── OtherSecret        it was used with another secret
├── StoreNotEmpty      it already holds data, and was to be filled from a backup
└── NewerSchema        a newer reichatd has written it
"""


class StoreError(Exception):
    """The store failed. The text is for the log and the operator, never for a client.

    A write that ended so may or may not have happened. Every write of the protocol can be repeated without harm.
    """


class StoreUnavailable(StoreError):
    """The store does not answer now; the same call may succeed later."""


class StoreReplaced(StoreUnavailable):
    """The path of the store no longer leads to the open file. Nothing is written until the store is opened again."""


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


class StoreInUse(StoreError):
    """Another daemon uses the store, which allows one only."""


class OlderDaemons(StoreError):
    """Older daemons run on the store. Its schema is left unchanged, since they would not understand the next one."""


class OtherSecret(StoreError):
    """The store was used with another secret: no token, code or second factor in it would be accepted."""


class StoreNotEmpty(StoreError):
    """The store already holds data, and is left unchanged."""


class NewerSchema(StoreError):
    """The store's schema is newer than this program. The store is refused and left unchanged."""

    def __init__(self, found: int, known: int, where: str) -> None:
        super().__init__(
            f"{where} has schema version {found}, this reichatd knows versions up to {known}: start a newer reichatd"
        )
