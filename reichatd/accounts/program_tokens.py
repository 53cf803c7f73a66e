"""The form of tokens for programs: `rct_`, 30 random letters and digits, and a check sum of 6. Pure.

The form is fixed, so that a scanner finds a token that was published by mistake, and a mistyped one is refused without a look into
the store.
"""

import re
import secrets
import string
import zlib

PREFIX = "rct_"
_RANDOM_CHARACTERS = 30
"""178 bits."""
_SUM_CHARACTERS = 6
"""CRC-32 in base 62."""
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_FORM = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_RANDOM_CHARACTERS + _SUM_CHARACTERS}}}")


def new_token() -> str:
    """A new token: 40 characters."""
    body = PREFIX + "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM_CHARACTERS))
    return body + _check_sum(body)


def is_program_token(token: str) -> bool:
    """Whether this has the form of a token for programs, right or wrong: no other token begins like that."""
    return token.startswith(PREFIX)


def is_well_formed(token: str) -> bool:
    """Whether a token has the right form and check sum."""
    return _FORM.fullmatch(token) is not None and token[-_SUM_CHARACTERS:] == _check_sum(token[:-_SUM_CHARACTERS])


def _check_sum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_SUM_CHARACTERS):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
