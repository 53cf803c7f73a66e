"""User accounts: registration, verification, login sessions, passwords and tokens."""

from reichatd.accounts.accounts import Accounts
from reichatd.accounts.devices import device_of
from reichatd.accounts.keys import MIN_SECRET_BYTES
from reichatd.accounts.management import UserManagement
from reichatd.accounts.passwords import Passwords
from reichatd.accounts.program_access import NEVER
from reichatd.accounts.session_cache import Identity, SessionCache
from reichatd.accounts.sessions import LoginTokens, Sessions

__all__ = [
    "MIN_SECRET_BYTES",
    "NEVER",
    "Accounts",
    "Identity",
    "LoginTokens",
    "Passwords",
    "SessionCache",
    "Sessions",
    "UserManagement",
    "device_of",
]
