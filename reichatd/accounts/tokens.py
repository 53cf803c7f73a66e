"""Access tokens: signed claims that a client carries. The only module that imports jwt."""

import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import jwt

from reichatd.errors import Unauthorized

if TYPE_CHECKING:
    from jwt.types import Options

    from reichatd.store import Session

ALGORITHM = "HS256"
KIND = "access"
MAX_CHARS = 2048
"""Ours have about 250."""
REMEMBERED = 10_000
"""Tokens whose signatures have been checked; a client shows the same one again and again."""

# Expiry is checked here by the clock that the token was made with; PyJWT knows only the system's. `iat` is not held
# against the clock: another daemon's may be a second ahead.
OPTIONS: "Options" = {
    "require": ["sub", "sid", "iat", "exp", "typ"],
    "verify_exp": False,
    "verify_iat": False,
    "enforce_minimum_key_length": True,
}


class Claims(NamedTuple):
    """Whom a token speaks for."""

    user_id: str
    session_id: str


class AccessTokens:
    """Makes and reads access tokens. Pure: no I/O, never waits.

    Arguments:
        key: 32 bytes, for nothing else.
        seconds: how long a token is valid.
    """

    def __init__(self, key: bytes, seconds: float) -> None:
        self._key = key
        self._seconds = seconds
        self._jwt = jwt.PyJWT(OPTIONS)
        self._checked = lru_cache(REMEMBERED)(self._check)  # it forgets what was refused

    def make(self, session: "Session", now: float) -> str:
        """A token for this session, valid no longer than the session itself (to the second)."""
        claims = {
            "sub": session.user_id,
            "sid": session.session_id,
            "iat": int(now),
            "exp": math.ceil(min(now + self._seconds, session.expires_at)),
            "typ": KIND,
        }
        return self._jwt.encode(claims, self._key, ALGORITHM)

    def read(self, token: str, now: float) -> Claims:
        """The claims of a token of ours that has not expired.

        Raises:
            Unauthorized: it is anything else.
        """
        if len(token) > MAX_CHARS:
            raise Unauthorized("Invalid token")
        claims, expires_at = self._checked(token)
        if expires_at <= now:
            raise Unauthorized("Invalid token")
        return claims

    def _check(self, token: str) -> tuple[Claims, int]:
        """What a token of ours says, and until when; the same for ever."""
        try:
            claims = self._jwt.decode(token, self._key, algorithms=[ALGORITHM])
        except (jwt.PyJWTError, ValueError):  # ValueError: what UTF-8 cannot encode
            raise Unauthorized("Invalid token") from None
        user_id, session_id, expires_at = claims["sub"], claims["sid"], claims["exp"]
        if claims["typ"] != KIND or not isinstance(expires_at, int):
            raise Unauthorized("Invalid token")
        if not (isinstance(user_id, str) and isinstance(session_id, str)):
            raise Unauthorized("Invalid token")
        return Claims(user_id, session_id), expires_at
