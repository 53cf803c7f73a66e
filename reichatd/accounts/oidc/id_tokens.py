"""ID tokens: what a provider says about a person, signed with one of its keys. Pure.

The checks are those of OpenID Connect Core, 3.1.3.7, and of RFC 8725. Only asymmetric algorithms are accepted: so neither the
client's secret nor a public key can be used as the key of an HMAC.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jwt
import msgspec

from reichatd.accounts.fields import EMAIL_CHARS
from reichatd.accounts.keys import equal_hashes
from reichatd.accounts.oidc.handshake import Person

if TYPE_CHECKING:
    from jwt.types import Options

_KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")

# Times are checked here, by the daemon's clock: PyJWT knows only the system's.
_OPTIONS: "Options" = {
    "require": ["iss", "sub", "aud", "exp", "iat", "nonce"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "enforce_minimum_key_length": True,
}
_jwt = jwt.PyJWT(_OPTIONS)

_SUBJECT_CHARS = 255
"""OpenID Connect Core, 2: no subject is longer."""
_LAST_TIME = 1e12
_NAME_CHARS = 64
_NAMES = ("preferred_username", "nickname", "name", "given_name")

Claims = dict[str, Any]


class TokenRefused(Exception):
    """An ID token, or an answer about a person, is not to be trusted. The text says why; it quotes nothing of it."""


class UnknownKey(TokenRefused):
    """The provider may have new keys."""


class SigningKeys:
    """The keys of a provider (its JWKS, RFC 7517).

    Raises:
        ValueError: the document is no JWKS.
    """

    def __init__(self, document: bytes) -> None:
        self._keys: list[Claims] = msgspec.json.decode(document, type=_Jwks).keys

    def key_for(self, token: str) -> jwt.PyJWK:
        """The key that this token should be signed with: only the header's `kid` and `alg` are used.

        Raises:
            UnknownKey: there is no such key.
            TokenRefused: the algorithm is not allowed, or the key does not fit it.
        """
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise TokenRefused(type(error).__name__) from None
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS:
            raise TokenRefused("its algorithm is not allowed")
        found = [key for key in self._keys if _fits(key, algorithm) and (kid is None or key.get("kid") == kid)]
        # Without the name of a key there must be no choice.
        if not found or (kid is None and len(found) > 1):
            raise UnknownKey("the provider has no key for it")
        try:
            return jwt.PyJWK(found[0], algorithm)
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise TokenRefused(f"its key cannot be used: {type(error).__name__}") from None

    @property
    def usable(self) -> int:
        """How many of the keys can sign ID tokens."""
        return sum(any(_fits(key, algorithm) for algorithm in ALGORITHMS) for key in self._keys)


class _Jwks(msgspec.Struct):
    keys: list[Claims]


def _fits(key: Claims, algorithm: str) -> bool:
    """Whether this key is for signatures by this algorithm."""
    uses = key.get("key_ops")
    return (
        key.get("kty") == _KEY_TYPES[algorithm[:2]]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (uses is None or (isinstance(uses, list) and "verify" in uses))
    )


def verify(token: str, key: jwt.PyJWK, *, issuer: str, client_id: str, nonce: str, now: float, skew: float) -> Claims:
    """Returns the claims of an ID token.

    Arguments:
        nonce: that of the login that the token answers.
        skew: how many seconds the provider's clock may differ from ours.

    Raises:
        TokenRefused
    """
    try:
        claims: Claims = _jwt.decode(token, key, algorithms=ALGORITHMS, audience=client_id, issuer=issuer)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise TokenRefused(type(error).__name__) from None
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else client_id) != client_id:
        raise TokenRefused("it was made for another application")
    if (
        not isinstance(claims["nonce"], str)
        or not claims["nonce"].isascii()
        or not equal_hashes(claims["nonce"], nonce)
    ):
        raise TokenRefused("it belongs to another login")
    if _time(claims, "exp") + skew <= now:
        raise TokenRefused("it has expired")
    if _time(claims, "iat") - skew > now or ("nbf" in claims and _time(claims, "nbf") - skew > now):
        raise TokenRefused("it is from the future")
    subject_of(claims)
    return claims


def subject_of(claims: Mapping[str, Any]) -> str:
    """The id of the person at the provider. Raises TokenRefused if there is none."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _SUBJECT_CHARS:
        raise TokenRefused("it names nobody")
    return subject


def person(issuer: str, claims: Mapping[str, Any]) -> Person:
    """The person that these claims describe. An address counts as verified only if the claim is the boolean `true`."""
    email = claims.get("email")
    names = (claims.get(name) for name in _NAMES)
    return Person(
        issuer,
        subject_of(claims),
        email if isinstance(email, str) and len(email) <= EMAIL_CHARS else "",
        claims.get("email_verified") is True,
        tuple(name[:_NAME_CHARS] for name in names if isinstance(name, str)),
    )


def _time(claims: Claims, name: str) -> float:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LAST_TIME:
        raise TokenRefused(f"its {name} is no time")
    return float(value)
