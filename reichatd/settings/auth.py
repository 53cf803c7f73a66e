"""[auth]."""

from typing import Annotated

from msgspec import Meta

from reichatd.settings.kinds import Count, FilePath, Secret
from reichatd.settings.tables import Table


class AuthSettings(Table, frozen=True):
    """Logins: their secret, tokens, codes and password hashes."""

    secret_key: Secret = ""
    """The secret that tokens are signed with, 32 bytes or more; a file keeps it better."""

    secret_key_file: FilePath = ""
    """A file with the secret, closed to others; empty: secret.key beside the data, made at the first start. Anyone who reads it
    can log in as anybody; anyone who replaces it logs everybody out."""

    access_token_minutes: Annotated[float, Meta(gt=0, le=1440)] = 15.0
    """How long an access token is valid: short, since it is not asked about with the store each time."""

    refresh_token_days: Annotated[float, Meta(gt=0, le=3650)] = 7.0
    """How long a login lasts without a new one."""

    verification_code_minutes: Annotated[float, Meta(gt=0, le=1440)] = 10.0
    """How long the code in the verification mail is valid."""

    verification_tries: Annotated[int, Meta(ge=1, le=100)] = 5
    """Codes that may be tried for one address in verification_code_minutes: six digits are soon guessed otherwise. Registering
    again gives no more of them."""

    pending_registrations: Annotated[int, Meta(ge=1, le=100)] = 5
    """Registrations of one address, by its owner or by strangers, that may wait for their codes at once. Each has a code of its
    own, which confirms no other; when a further one comes, the oldest goes."""

    session_cache_seconds: Annotated[float, Meta(ge=0, le=300)] = 5.0
    """How long a session once read need not be read again. A logout at this daemon counts at once all the same; one at another
    daemon on the same store takes effect up to this many seconds later. 0: read for every request."""

    session_recheck_seconds: Annotated[float, Meta(ge=0.1, le=3600)] = 30.0
    """How often the store is asked whether those with open sockets are still logged in, and members: what another daemon, or a
    command on the store itself, has changed is felt so much later. What this daemon changes is felt at once."""

    ticket_seconds: Annotated[int, Meta(ge=1, le=3600)] = 30
    tickets_per_session: Annotated[int, Meta(ge=1, le=10_000)] = 64
    """How long a ticket is good that a browser opens a WebSocket with, in place of a token, once; and how many a login may have
    unused. They are in the memory of the daemon that gave them: of several daemons on one store, no other knows them."""

    argon2_time_cost: Annotated[int, Meta(ge=1, le=100)] = 2
    argon2_memory_kib: Annotated[int, Meta(ge=8, le=4_194_304)] = 19_456
    argon2_parallelism: Annotated[int, Meta(ge=1, le=64)] = 1
    """What a password hash (argon2id) costs an attacker, and this machine: passes, memory in KiB, lanes. OWASP's least."""

    argon2_waiting: Count = 64
    """Logins that may wait for a free core; further ones are told to come back (503)."""
