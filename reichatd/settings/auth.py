"""The table [auth]; its table [auth.oidc] is in `oidc`."""

from typing import Annotated

from msgspec import Meta, field

from reichatd.settings.kinds import Count, FilePath, Secret
from reichatd.settings.oidc import OidcSettings
from reichatd.settings.tables import Table


class AuthSettings(Table, frozen=True):
    """Logins: the secret, tokens, verification codes and password hashes."""

    secret_key: Secret = ""
    """The secret that tokens are signed with, at least 32 bytes. secret_key_file is safer."""

    secret_key_file: FilePath = ""
    """A file with the secret. No other user may have access to it: with the secret, anyone can log in as any user. A new secret
    logs out all users. Empty: secret.key beside the data, created at the first start."""

    access_token_minutes: Annotated[float, Meta(gt=0, le=1440)] = 15.0
    """How long an access token is valid. Clients renew it with their refresh token."""

    refresh_token_days: Annotated[float, Meta(gt=0, le=3650)] = 7.0
    """How long a refresh token is valid, and so how long a login lasts. Then the user must log in again."""

    verification_code_minutes: Annotated[float, Meta(gt=0, le=1440)] = 10.0
    """How long the code in a verification mail is valid."""

    verification_tries: Annotated[int, Meta(ge=1, le=100)] = 5
    """How many codes may be tried for one address within verification_code_minutes, because six digits are easy to guess. A new
    registration of the address gives no further tries."""

    pending_registrations: Annotated[int, Meta(ge=1, le=100)] = 5
    """How many registrations of one address, by its owner or by strangers, may wait for their codes. Each has its own code, which
    confirms no other registration. A further registration replaces the oldest."""

    session_cache_seconds: Annotated[float, Meta(ge=0, le=300)] = 5.0
    """How long a login session that was read from the store is cached. A logout at this daemon takes effect at once; one at another
    daemon on the same store, up to this much later. 0: no cache."""

    session_recheck_seconds: Annotated[float, Meta(ge=0.1, le=3600)] = 30.0
    """How often the daemon checks in the store that users with open WebSockets are still logged in and members. Changes by another
    daemon, or by a command on the store, take effect up to this much later; changes by this daemon, at once."""

    ticket_seconds: Annotated[int, Meta(ge=1, le=3600)] = 30
    tickets_per_session: Annotated[int, Meta(ge=1, le=10_000)] = 64
    """A ticket opens one WebSocket, in place of a token, for browsers. How long a ticket is valid, and how many unused ones a login
    may have. Tickets are kept in memory: with several daemons on one store, a ticket is valid only at the daemon that issued
    it."""

    argon2_time_cost: Annotated[int, Meta(ge=1, le=100)] = 2
    argon2_memory_kib: Annotated[int, Meta(ge=8, le=4_194_304)] = 19_456
    argon2_parallelism: Annotated[int, Meta(ge=1, le=64)] = 1
    """The cost of a password hash (argon2id): iterations, memory in KiB, parallelism. The defaults are OWASP's minimum. More makes
    passwords harder to guess for an attacker, and logins slower."""

    argon2_waiting: Count = 64
    """How many logins may wait for a free CPU core. Further ones get 503 (try again later)."""

    oidc: OidcSettings = field(default_factory=OidcSettings)
