"""Access tokens: signed claims that a client carries. Only this module and oidc.id_tokens import jwt."""

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
"""Our tokens have about 250."""
CACHED = 10_000
"""Tokens whose checked signatures are cached: a client sends the same token many times."""

# Expiry is checked here, by the clock that the token was made with: PyJWT knows only the system's clock. `iat` is not compared
# with the clock: another daemon's may be a second ahead.
OPTIONS: "Options" = {
    "require": ["sub", "sid", "iat", "exp", "typ"],
    "verify_exp": False,
    "verify_iat": False,
    "enforce_minimum_key_length": True,
}


class Claims(NamedTuple):
    """The user and the session of a token."""

    user_id: str
    session_id: str


class AccessTokens:
    """Makes and reads access tokens. Pure: no I/O, never waits.

    Arguments:
        key: 32 bytes, used for nothing else.
        seconds: how long a token is valid.
    """

    def __init__(self, key: bytes, seconds: float) -> None:
        self._key = key
        self._seconds = seconds
        self._jwt = jwt.PyJWT(OPTIONS)
        self._checked = lru_cache(CACHED)(self._check)  # errors are not cached

    def make(self, session: "Session", now: float) -> str:
        """Returns a token for this session, valid no longer than the session itself (to the second)."""
        claims = {
            "sub": session.user_id,
            "sid": session.session_id,
            "iat": int(now),
            "exp": math.ceil(min(now + self._seconds, session.expires_at)),
            "typ": KIND,
        }
        return self._jwt.encode(claims, self._key, ALGORITHM)

    def read(self, token: str, now: float) -> Claims:
        """Returns the claims of a token.

        Raises:
            Unauthorized: the token is not ours, or has expired.
        """
        if len(token) > MAX_CHARS:
            raise Unauthorized("Invalid token")
        claims, expires_at = self._checked(token)
        if expires_at <= now:
            raise Unauthorized("Invalid token")
        return claims

    def _check(self, token: str) -> tuple[Claims, int]:
        """The claims of a token, and when it expires. Pure, so that the result can be cached."""
        try:
            claims = self._jwt.decode(token, self._key, algorithms=[ALGORITHM])
        except (jwt.PyJWTError, ValueError):  # ValueError: not encodable in UTF-8
            raise Unauthorized("Invalid token") from None
        user_id, session_id, expires_at = claims["sub"], claims["sid"], claims["exp"]
        if claims["typ"] != KIND or not isinstance(expires_at, int):
            raise Unauthorized("Invalid token")
        if not (isinstance(user_id, str) and isinstance(session_id, str)):
            raise Unauthorized("Invalid token")
        return Claims(user_id, session_id), expires_at
