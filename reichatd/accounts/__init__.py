"""Who is who: registration, verification, login sessions, passwords and tokens."""

from reichatd.accounts.accounts import Accounts, Login
from reichatd.accounts.keys import MIN_SECRET_BYTES
from reichatd.accounts.passwords import Passwords
from reichatd.accounts.recent import Identity

__all__ = ["MIN_SECRET_BYTES", "Accounts", "Identity", "Login", "Passwords"]
