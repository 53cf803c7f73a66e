"""Time-based one-time passwords (RFC 6238). The only module that imports pyotp, cryptography and segno. Pure."""

import base64
import io
from typing import NamedTuple

import pyotp
import segno
from cryptography.fernet import Fernet, InvalidToken

STEP_SECONDS = 30
"""RFC 6238's default, and the only one that all authenticator apps know."""
DIGITS = 6
_DRIFT_STEPS = 1
"""How many steps a clock may be ahead or behind (RFC 6238, 5.2)."""


class Enrolment(NamedTuple):
    """What an authenticator app needs: a secret in base 32; the same in a URI (otpauth://); the URI as a QR code, an SVG image."""

    secret: str
    uri: str
    svg: str


class UndecipheredSecret(Exception):
    """The secret was encrypted with another key: the daemon's secret has changed since."""


class TotpSecrets:
    """Makes secrets, and checks codes. Secrets are stored encrypted: a copy of the store without the daemon's secret shows none.

    Arguments:
        key: 32 bytes, used for nothing else.
    """

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def enrol(self, account: str, issuer: str) -> tuple[Enrolment, str]:
        """A new secret, and its encrypted form to store.

        Arguments:
            account, issuer: shown by the app: the user's address, and the name of this server.
        """
        secret = pyotp.random_base32()
        uri = pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)
        image = io.BytesIO()
        segno.make(uri, micro=False).save(image, kind="svg", scale=4, xmldecl=False)
        return Enrolment(secret, uri, image.getvalue().decode()), self._fernet.encrypt(secret.encode()).decode()

    def matching_step(self, encrypted: str, code: str, now: float) -> int | None:
        """The time step that a code belongs to, among the present one and those beside it; None if it belongs to none.

        Arguments:
            code: what was typed, without spaces.
            now: seconds since the epoch.

        Raises:
            UndecipheredSecret
        """
        try:
            totp = pyotp.TOTP(self._fernet.decrypt(encrypted.encode()).decode(), digits=DIGITS, interval=STEP_SECONDS)
        except InvalidToken:
            raise UndecipheredSecret from None
        if not (len(code) == DIGITS and code.isascii() and code.isdigit()):
            return None
        present = int(now // STEP_SECONDS)
        steps = range(present - _DRIFT_STEPS, present + _DRIFT_STEPS + 1)
        # All are compared, so that the time does not depend on which one matches.
        matching = [step for step in steps if pyotp.utils.strings_equal(totp.generate_otp(step), code)]
        return matching[0] if matching else None
