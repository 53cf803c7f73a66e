"""Which registration a verification code belongs to. Pure."""

from collections.abc import Callable

from reichatd.accounts.keys import same
from reichatd.errors import InvalidCode
from reichatd.store import Attempt, ConfirmedCode, Registration


def normal(code: str) -> str:
    """The code without the spaces that come with it when it is pasted, or that people type between its digits."""
    return "".join(code.split())


def found(attempt: Attempt, hash_for: Callable[[str], str], now: float) -> Registration | ConfirmedCode:
    """The registration that a code was sent for, or the code again that made a user's account a moment ago.

    Arguments:
        attempt: taken for this code.
        hash_for: the hash of the code with an address.

    Raises:
        InvalidCode: it belongs to none, to one that has expired, or too many were tried.
    """
    valid: list[Registration | ConfirmedCode] = [
        one for one in attempt.pending if one.tries_left > 0 and one.expires_at > now
    ]
    if attempt.confirmed is not None:
        # Good for nothing but this answer, however often it is tried.
        valid.append(attempt.confirmed)
    # All are compared, whichever is the right one: the time tells nothing.
    right = [one for one in valid if same(one.code_hash, hash_for(one.email))]
    if not right:
        raise InvalidCode
    return right[0]
