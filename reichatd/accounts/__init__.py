"""Who is who: registration, verification, login sessions, passwords and tokens."""

from reichatd.accounts.accounts import Accounts, Identity, Login
from reichatd.accounts.keys import MIN_SECRET_BYTES
from reichatd.accounts.passwords import Passwords

__all__ = ["MIN_SECRET_BYTES", "Accounts", "Identity", "Login", "Passwords"]
