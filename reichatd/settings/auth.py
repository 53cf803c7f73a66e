"""The table [auth]; its table [auth.oidc] is in `oidc`."""

from typing import Annotated, Literal

from msgspec import Meta, field

from reichatd.settings.kinds import Count, FilePath, Secret
from reichatd.settings.oidc import OidcSettings
from reichatd.settings.tables import Applied, Table


class AuthSettings(Table, frozen=True):
    """Logins: the secret, tokens, verification codes and password hashes."""

    secret_key: Secret = ""
    """The secret that tokens are signed with, at least 32 bytes. secret_key_file is safer."""

    secret_key_file: FilePath = ""
    """A file with the secret. No other user may have access to it: with the secret, anyone can log in as any user. A new secret
    logs out all users, and ends their tokens, app passwords and second factors (reichatd(8), "Second factors and programs"). Empty:
    secret.key beside the data, created at the first start."""

    access_token_minutes: Annotated[float, Meta(gt=0, le=1440)] = 15.0
    """How long an access token is valid. Clients renew it with their refresh token."""

    refresh_token_days: Annotated[float, Meta(gt=0, le=3650)] = 7.0
    """How long a refresh token is valid, and so how long a login lasts. Then the user must log in again."""

    registration: Applied[Literal["open", "invite", "closed"]] = "open"
    """Who may register. "open": anyone with an e-mail address. "invite": anyone with an invitation, from you or from an owner or a
    moderator of a room. "closed": only people with an invitation from `reichatd invite`, or added by `reichatd user add`. While
    there is no account, `reichatd serve` prints an invitation for the first one."""

    verification_code_minutes: Annotated[float, Meta(gt=0, le=1440)] = 10.0
    """How long the code in a verification mail is valid."""

    verification_tries: Annotated[int, Meta(ge=1, le=100)] = 5
    """How many codes may be tried for one address within verification_code_minutes, because six digits are easy to guess. A new
    registration of the address gives no further tries."""

    pending_registrations: Annotated[int, Meta(ge=1, le=100)] = 5
    """How many registrations of one address, by its owner or by strangers, may wait for their codes. Each has its own code, which
    confirms no other registration. A further registration replaces the oldest."""

    rotation_grace_seconds: Annotated[float, Meta(ge=0, le=3600)] = 60.0
    """For clients whose refresh tokens are good once (`POST /refresh`): how long the former token may be sent again, because an
    answer was lost. Later it counts as stolen, and its login ends."""

    password_reset_minutes: Annotated[float, Meta(gt=0, le=1440)] = 30.0
    """How long the link in the mail to someone who has forgotten the password is valid."""

    conceal_accounts: bool = False
    """Whether strangers must not learn which addresses have accounts. Logins, registrations and codes are then answered alike, and
    the owner of an address that is registered again gets a mail. Older clients expect other answers."""

    concealed_seconds: Annotated[float, Meta(ge=0, le=10)] = 0.25
    """How long an answer takes at least that must not tell by its time whether an address has an account: always if someone has
    forgotten the password, and with conceal_accounts also for registrations, codes and logins. It must be longer than such work
    takes on your machine."""

    session_cache_seconds: Annotated[float, Meta(ge=0, le=300)] = 5.0
    """How long a login session that was read from the store is cached. A logout at this daemon takes effect at once. One at another
    daemon on the same replica set does so within a second; if the store cannot tell of it, up to this much later. 0: no cache."""

    session_recheck_seconds: Annotated[float, Meta(ge=0.1, le=3600)] = 30.0
    """How often the daemon checks in the store that users with open WebSockets are still logged in and members. Changes by this
    daemon take effect at once. Those by a command on the store, up to this much later; on a MongoDB replica set, those by commands
    and other daemons take effect within a second, unless the store cannot tell of them."""

    ticket_seconds: Annotated[int, Meta(ge=1, le=3600)] = 30
    tickets_per_session: Annotated[int, Meta(ge=1, le=10_000)] = 64
    """A ticket opens one WebSocket, in place of a token, for browsers. How long a ticket is valid, and how many unused ones a login
    may have. With several daemons on one MongoDB, a ticket of one is valid at all; each counts its own."""

    argon2_time_cost: Annotated[int, Meta(ge=1, le=100)] = 2
    argon2_memory_kib: Annotated[int, Meta(ge=8, le=4_194_304)] = 19_456
    argon2_parallelism: Annotated[int, Meta(ge=1, le=64)] = 1
    """The cost of a password hash (argon2id): iterations, memory in KiB, parallelism. The defaults are OWASP's minimum. More makes
    passwords harder to guess for an attacker, and logins slower."""

    argon2_waiting: Count = 64
    """How many logins may wait for a free CPU core, of one client (an IPv4 address, or an IPv6 /64) at most a quarter. Further ones
    get 503 (try again later)."""

    oidc: OidcSettings = field(default_factory=OidcSettings)
