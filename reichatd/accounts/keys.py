"""Keys derived from the daemon's secret, one for each use, and the codes and hashes made with them."""

import hmac
import secrets

MIN_SECRET_BYTES = 32
CODE_DIGITS = 6
PROOF_SECONDS = 60.0
"""How long a proof is valid."""
REFRESH_TOKEN_BYTES = 32


class Keys:
    """One key for each use, so that a hash made for one use is worthless for another.

    Arguments:
        secret: at least `MIN_SECRET_BYTES` of randomness; anyone who has it can act as any user.

    Raises:
        ValueError: the secret is too short.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < MIN_SECRET_BYTES:
            raise ValueError(f"the secret has {len(secret)} bytes, it needs at least {MIN_SECRET_BYTES}")
        self.access_tokens = _derived(secret, "access tokens")
        self.oidc_states = _derived(secret, "states of logins at a provider")
        self.oidc_codes = _derived(secret, "codes of logins at a provider")
        self._refresh_tokens = _derived(secret, "refresh tokens")
        self._codes = _derived(secret, "verification codes")
        self._proofs = _derived(secret, "proofs")

    def code_hash(self, email: str, code: str) -> str:
        """The stored form of a verification code: of no use for another address, and cannot be guessed without the secret."""
        # An address contains no NUL, so no other pair of address and code gives the same text.
        return _hash(self._codes, f"{email}\0{code}")

    def refresh_hash(self, token: str) -> str:
        """The stored form of a refresh token."""
        return _hash(self._refresh_tokens, token)

    def proof(self, now: float) -> str:
        """Proves to a holder of the same secret that we have it; valid for a minute, and reveals nothing about the secret."""
        stamp = f"{now:.0f}"
        return f"{stamp}.{_hash(self._proofs, stamp)}"

    def proves(self, proof: str, now: float) -> bool:
        """Whether `proof` was made with this secret, at most a minute ago."""
        stamp, _, made = proof.partition(".")
        # The hash first: only a stamp that we made is certain to be a number.
        return equal_hashes(made, _hash(self._proofs, stamp)) and abs(now - int(stamp)) <= PROOF_SECONDS


def new_code() -> str:
    """A verification code."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"


def new_refresh_token() -> str:
    """A refresh token: random, 43 characters."""
    return secrets.token_urlsafe(REFRESH_TOKEN_BYTES)


def new_id() -> str:
    """An id for a user or a login session: random, 24 hexadecimal digits."""
    return secrets.token_hex(12)


def equal_hashes(one: str, other: str) -> bool:
    """Compares two hashes in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def _derived(secret: bytes, use: str) -> bytes:
    return hmac.digest(secret, f"reichatd: {use}".encode(), "sha256")


def _hash(key: bytes, text: str) -> str:
    # A client may send lone surrogates: they are hashed like anything else, and match nothing.
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256").hex()
