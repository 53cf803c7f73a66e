"""Keys derived from the daemon's secret, one for each use, and the codes and hashes made with them."""

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reichatd.store import User

MIN_SECRET_BYTES = 32
CODE_DIGITS = 6
PROOF_SECONDS = 60.0
"""How long a proof is valid."""
REFRESH_TOKEN_BYTES = 32
INVITE_TOKEN_BYTES = 16
_SALT_BYTES = 16
_SCRYPT_N = 2**14
"""The cost of a fingerprint: 16 MiB and some 50 ms (RFC 7914, 2)."""


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
        self._invites = _derived(secret, "invitations")
        self._rotated_tokens = _derived(secret, "rotated refresh tokens")
        self._email_changes = _derived(secret, "changes of e-mail addresses")
        self._resets = _derived(secret, "password resets")
        self.totp_secrets = _derived(secret, "secrets of second factors")
        self._recovery_codes = _derived(secret, "recovery codes")
        self._app_passwords = _derived(secret, "app passwords")
        self._program_tokens = _derived(secret, "tokens for programs")
        self._networks = _derived(secret, "networks of login sessions")
        self._tickets = _derived(secret, "tickets")
        self._fingerprints = _derived(secret, "fingerprints of the secret")

    def code_hash(self, email: str, code: str) -> str:
        """The stored form of a verification code: of no use for another address, and cannot be guessed without the secret."""
        # An address contains no NUL, so no other pair of address and code gives the same text.
        return _hash(self._codes, f"{email}\0{code}")

    def refresh_hash(self, token: str) -> str:
        """The stored form of a refresh token."""
        return _hash(self._refresh_tokens, token)

    def invite_hash(self, token: str) -> str:
        """The stored form of the token of an invitation."""
        return _hash(self._invites, token)

    def rotated_token(self, session_id: str, generation: int) -> str:
        """The refresh token of a session that has rotated this often: always the same one."""
        named = f"{session_id}.{generation}"
        return f"{named}.{_hash(self._rotated_tokens, named)}"

    def read_rotated(self, token: str) -> tuple[str, int] | None:
        """The session id and the generation of a rotated refresh token; None if it is no such token of ours."""
        named, _, made = token.rpartition(".")
        if not equal_hashes(made, _hash(self._rotated_tokens, named)):
            return None
        session_id, _, generation = named.rpartition(".")
        return session_id, int(generation)

    def email_change_hash(self, user: "User", email: str, code: str) -> str:
        """The stored form of the code for a change of address to `email`. It dies with a change of the user's password."""
        return _hash(self._email_changes, "\0".join((user.user_id, user.password_hash, email, code)))

    def reset_token(self, user: "User", expires_at: int) -> str:
        """Allows to set a new password, until `expires_at` (seconds since the epoch), the password or the address changes."""
        return f"{user.user_id}.{expires_at}.{self._reset_hash(user, str(expires_at))}"

    def allows_reset(self, token: str, user: "User", now: float) -> bool:
        """Whether this is a reset token of the user, as the user is now, and has not expired."""
        named, _, made = token.rpartition(".")
        expires_at = named.rpartition(".")[2]
        # The hash first: only a time that we made is certain to be a number.
        return equal_hashes(made, self._reset_hash(user, expires_at)) and now < int(expires_at)

    def _reset_hash(self, user: "User", expires_at: str) -> str:
        return _hash(self._resets, "\0".join((user.user_id, expires_at, user.email, user.password_hash)))

    def recovery_hash(self, user_id: str, code: str) -> str:
        """The stored form of a recovery code: of no use for another user."""
        return _hash(self._recovery_codes, f"{user_id}\0{code}")

    def app_password_hash(self, user_id: str, password: str) -> str:
        """The stored form of an app password: of no use for another user."""
        return _hash(self._app_passwords, f"{user_id}\0{password}")

    def token_hash(self, token: str) -> str:
        """The stored form of a token for programs."""
        return _hash(self._program_tokens, token)

    def network_hash(self, network: str) -> str:
        """The stored form of the network where a session began, if addresses are not to be stored."""
        return _hash(self._networks, network)

    def ticket_hash(self, ticket: str) -> str:
        """The signature of a ticket, which opens a WebSocket."""
        return _hash(self._tickets, ticket)

    def fingerprint(self) -> str:
        """Tells whether a store is used with this secret (`has_fingerprint`). Another one each time; takes some 50 ms.

        It reveals nothing about a random secret. For one that a person has thought up, each guess costs as much as this call.
        """
        salt = secrets.token_hex(_SALT_BYTES)
        return f"{salt}.{self._slow_hash(salt)}"

    def has_fingerprint(self, fingerprint: str) -> bool:
        """Whether this is a fingerprint of the same secret. Takes as long as `fingerprint`."""
        salt, _, made = fingerprint.partition(".")
        return equal_hashes(made, self._slow_hash(salt))

    def _slow_hash(self, salt: str) -> str:
        return hashlib.scrypt(self._fingerprints, salt=salt.encode(), n=_SCRYPT_N, r=8, p=1, dklen=32).hex()

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


def new_invite_token() -> str:
    """A token of an invitation: random, 22 characters."""
    return secrets.token_urlsafe(INVITE_TOKEN_BYTES)


def new_id() -> str:
    """An id for a user or a login session: random, 24 hexadecimal digits."""
    return secrets.token_hex(12)


def token_session_id(token_hash: str) -> str:
    """The session id of a token for programs, as long as `new_id`: a token is found by it, in one read."""
    return token_hash[:24]


def equal_hashes(one: str, other: str) -> bool:
    """Compares two hashes in constant time."""
    # A client may send lone surrogates.
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def _derived(secret: bytes, use: str) -> bytes:
    return hmac.digest(secret, f"reichatd: {use}".encode(), "sha256")


def _hash(key: bytes, text: str) -> str:
    # A client may send lone surrogates: they are hashed like anything else, and match nothing.
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256").hex()
