"""Finds the registration that a verification code belongs to. Pure."""

from collections.abc import Callable

from reichatd.accounts.keys import equal_hashes
from reichatd.errors import InvalidCode
from reichatd.store import Attempt, ConfirmedCode, Registration


def normal(code: str) -> str:
    """Removes the spaces that come with a pasted code, or that people type between the digits."""
    return "".join(code.split())


def find(attempt: Attempt, hash_for: Callable[[str], str], now: float) -> Registration | ConfirmedCode:
    """Returns the registration that a code was sent for, or the code that has just confirmed a user's account.

    Arguments:
        attempt: the try that was taken for this code.
        hash_for: returns the hash of the code for an address.

    Raises:
        InvalidCode: the code belongs to no registration or to an expired one, or too many codes were tried.
    """
    valid: list[Registration | ConfirmedCode] = [
        one for one in attempt.pending if one.tries_left > 0 and one.expires_at > now
    ]
    if attempt.confirmed is not None:
        # It allows nothing but this answer, however often it is tried.
        valid.append(attempt.confirmed)
    # All are compared, so that the time does not depend on which one matches.
    matching = [one for one in valid if equal_hashes(one.code_hash, hash_for(one.email))]
    if not matching:
        raise InvalidCode
    return matching[0]
