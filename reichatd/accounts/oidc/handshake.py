"""The values of a login at a provider, as they pass through the browser. Pure.

Nothing is stored, so any daemon can finish what another began.

    GET /oidc/login      → the provider: state, nonce, challenge
    GET /oidc/callback   ← the provider: state and the provider's code, which is exchanged with the verifier
    POST /oidc/redeem    ← the page: our own code, which carries the provider's answer

State and code are only valid together with a random value in a cookie of the same browser, which no other site can read or set. So
nobody can finish, in another person's browser, a login that they began in their own.
"""

import base64
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from reichatd.accounts.keys import equal_hashes, new_id
from reichatd.errors import InvalidCode

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

_BYTES = 32
_BROWSER_CHARS = 43
_MAX_CHARS = 4096
"""Our own values are shorter."""


class Attempt(NamedTuple):
    """A login that has begun.

    Arguments:
        state: returns from the provider unchanged.
        nonce: the provider puts it into the ID token.
        verifier: shows to the provider that the one who exchanges its code also began the login (PKCE, RFC 7636).
        session_id: of the login session that a provider is to be linked with; "" for a login.
    """

    state: str
    nonce: str
    verifier: str
    session_id: str

    @property
    def challenge(self) -> str:
        """What the provider gets at first in place of `verifier`."""
        return _base64(hashlib.sha256(self.verifier.encode()).digest())


class Person(msgspec.Struct, frozen=True):
    """The person that the provider has authenticated.

    Arguments:
        email: as the provider has it; "" if it does not tell.
        email_verified: whether the provider says that the address belongs to this person.
        names: what the person may be called, the best first.
    """

    issuer: str
    subject: str
    email: str = ""
    email_verified: bool = False
    names: tuple[str, ...] = ()


class Redeemed(msgspec.Struct, frozen=True):
    """What one of our codes says. `session_id` is the id of the login session that it begins: so it begins only one."""

    person: Person
    session_id: str
    browser: str
    """A hash of the cookie's value."""


class Handshake:
    """Makes and reads these values.

    Arguments:
        state_key, code_key: 32 bytes each, used for nothing else.
        state_seconds, code_seconds: how long they are valid.
    """

    def __init__(self, state_key: bytes, code_key: bytes, *, state_seconds: float, code_seconds: int) -> None:
        self._state_key = state_key
        self._code_key = code_key
        self._state_seconds = state_seconds
        self._code_seconds = code_seconds

    def begin(self, browser: str, now: float, session_id: str = "") -> Attempt:
        """Begins a login, or with `session_id` the linking of a provider."""
        seed, ends_at = secrets.token_urlsafe(_BYTES), f"{now + self._state_seconds:.0f}"
        return self._attempt(seed, ends_at, session_id, browser)

    def resume(self, state: str, browser: str, now: float) -> Attempt:
        """Returns the login that this state belongs to.

        Raises:
            InvalidCode: the state is not ours, belongs to another browser, or is too old.
        """
        parts = state.split(".")
        if len(state) > _MAX_CHARS or not state.isascii() or len(parts) != 4:
            raise InvalidCode
        seed, ends_at, session_id, _ = parts
        attempt = self._attempt(seed, ends_at, session_id, browser)
        # The hash first: only a time that we wrote is certain to be a number.
        if not equal_hashes(attempt.state, state) or int(ends_at) < now:
            raise InvalidCode
        return attempt

    def make_code(self, person: Person, browser: str, now: float) -> str:
        """Returns a code for a login session of this person."""
        redeemed = Redeemed(person, new_id(), _hash(browser))
        return self._fernet().encrypt_at_time(msgspec.json.encode(redeemed), int(now)).decode()

    def read_code(self, code: str, browser: str, now: float) -> Redeemed:
        """Returns what a code says.

        Raises:
            InvalidCode: the code is not ours, belongs to another browser, or is too old.
        """
        from cryptography.fernet import InvalidToken

        if len(code) > _MAX_CHARS:
            raise InvalidCode
        try:
            content = self._fernet().decrypt_at_time(code.encode(), self._code_seconds, int(now))
        except (InvalidToken, UnicodeError):
            raise InvalidCode from None
        redeemed = msgspec.json.decode(content, type=Redeemed)
        if not equal_hashes(redeemed.browser, _hash(browser)):
            raise InvalidCode
        return redeemed

    def _attempt(self, seed: str, ends_at: str, session_id: str, browser: str) -> Attempt:
        """All values derive from the seed and the cookie: the URL alone tells neither nonce nor verifier."""

        def derived(use: str) -> str:
            text = "\0".join((use, seed, ends_at, session_id, browser))
            return _base64(hmac.digest(self._state_key, text.encode("utf-8", "surrogatepass"), "sha256"))

        state = ".".join((seed, ends_at, session_id, derived("state")))
        return Attempt(state, derived("nonce"), derived("verifier"), session_id)

    def _fernet(self) -> "Fernet":
        """Imports the library with the first login: the import is slow, and most daemons have no provider."""
        from cryptography.fernet import Fernet

        return Fernet(base64.urlsafe_b64encode(self._code_key))


def browser_value(cookie: str) -> str:
    """The value for a browser: the one that its cookie has already, so that logins in several tabs do not disturb each other."""
    is_ours = len(cookie) == _BROWSER_CHARS and cookie.isascii() and cookie.replace("-", "").replace("_", "").isalnum()
    return cookie if is_ours else secrets.token_urlsafe(_BYTES)


def _hash(browser: str) -> str:
    return hashlib.sha256(browser.encode("utf-8", "surrogatepass")).hexdigest()


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
