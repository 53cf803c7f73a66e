"""Maps the exceptions of pymongo to those of the store."""

from collections.abc import Iterator
from contextlib import contextmanager

from bson.errors import BSONError
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
)

from reichatd.store.errors import StoreError, StoreUnavailable

_TEMPORARY = {
    6,  # HostUnreachable
    7,  # HostNotFound
    24,  # LockTimeout
    50,  # MaxTimeMSExpired
    64,  # WriteConcernFailed
    79,  # UnknownReplWriteConcern
    89,  # NetworkTimeout
    91,  # ShutdownInProgress
    112,  # WriteConflict
    133,  # FailedToSatisfyReadPreference
    134,  # ReadConcernMajorityNotAvailableYet
    189,  # PrimarySteppedDown
    246,  # SnapshotUnavailable
    262,  # ExceededTimeLimit
    9001,  # SocketException
    10107,  # NotWritablePrimary
    11600,  # InterruptedAtShutdown
    11602,  # InterruptedDueToReplStateChange
    13388,  # StaleConfig
    13435,  # NotPrimaryNoSecondaryOk
    13436,  # NotPrimaryOrSecondary
    14031,  # OutOfDiskSpace
}
"""The server's codes for errors that may be over at the next call."""

_LABELS = ("RetryableWriteError", "TransientTransactionError", "UnknownTransactionCommitResult")
"""The server's and the driver's words for such errors."""

_LOGIN = {
    13,  # Unauthorized
    18,  # AuthenticationFailed
    8000,  # AtlasError
}
"""The server's codes for errors that an operator can fix while the daemon waits."""


@contextmanager
def map_errors(where: str) -> Iterator[None]:
    """Turns an exception of the driver into StoreUnavailable or StoreError, with a text of one line.

    Of the server's own text only the name of the error is used: the rest quotes commands, and with them the messages of users.
    """
    try:
        yield
    except PyMongoError as error:
        if not _LOGIN.isdisjoint(_codes(error)):
            raise StoreUnavailable(f"{where} refuses the login: {_reason(error)}") from error
        if _is_temporary(error):
            raise StoreUnavailable(f"{where} does not answer: {_reason(error)}") from error
        raise StoreError(f"{where} failed: {_reason(error)}") from error
    except (BSONError, UnicodeError, OverflowError) as error:
        # A lone surrogate or an integer of more than 64 bits.
        raise StoreError(f"{where} cannot store this: {type(error).__name__}") from error


def is_passing(error: PyMongoError) -> bool:
    """Whether the same command may succeed later: when the server answers again, or when an operator has let the login in."""
    return _is_temporary(error) or not _LOGIN.isdisjoint(_codes(error))


def _is_temporary(error: PyMongoError) -> bool:
    return (
        error.timeout
        or isinstance(error, ConnectionFailure | WriteConcernError)
        or any(error.has_error_label(label) for label in _LABELS)
        or not _TEMPORARY.isdisjoint(_codes(error))
        or (isinstance(error, BulkWriteError) and bool(error.details["writeConcernErrors"]))
    )


def _codes(error: PyMongoError) -> list[int]:
    if isinstance(error, BulkWriteError):
        return [refusal["code"] for refusal in error.details["writeErrors"]]
    if isinstance(error, OperationFailure) and error.code is not None:
        return [error.code]
    return []


def _reason(error: PyMongoError) -> str:
    name = type(error).__name__
    if isinstance(error, OperationFailure):
        code_name = (error.details or {}).get("codeName")
        return ", ".join([code_name or name, *(f"code {code}" for code in dict.fromkeys(_codes(error)))])
    if isinstance(error, ServerSelectionTimeoutError):
        # The rest of the text describes the whole topology again.
        return str(error).partition(", Timeout:")[0]
    return f"{name}: {error}" if isinstance(error, ConnectionFailure) else name
