"""Codes and app passwords: makes them, brings what was typed into one form, and finds what a code belongs to. Pure."""

import secrets
from collections.abc import Callable

from reichatd.accounts.keys import equal_hashes
from reichatd.errors import InvalidCode
from reichatd.store import Attempt, ConfirmedCode, Registration

_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""32 letters and digits, without those that are easily mistaken for each other: l, o, 0, 1."""
_RECOVERY_GROUPS = 2
"""Of five characters: 50 bits."""
_APP_PASSWORD_GROUPS = 4
"""100 bits."""
_GROUP_CHARACTERS = 5


def new_recovery() -> str:
    """A recovery code: "k3v9x-t2mqa"."""
    return _random(_RECOVERY_GROUPS)


def new_app_password() -> str:
    """An app password: "k3v9x-t2mqa-9wz4d-c7hpn"."""
    return _random(_APP_PASSWORD_GROUPS)


def _random(groups: int) -> str:
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP_CHARACTERS)) for _ in range(groups))


def normal_recovery(code: str) -> str:
    """A recovery code, however it was typed."""
    return normal(code).replace("-", "").lower()


def normal_app_password(password: str) -> str:
    """An app password, however it was typed; "" if it cannot be one."""
    typed = normal_recovery(password)
    is_one = len(typed) == _APP_PASSWORD_GROUPS * _GROUP_CHARACTERS and set(typed) <= set(_LETTERS)
    return typed if is_one else ""


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
