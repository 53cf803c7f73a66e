"""What is examined."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from reichatd.settings import Settings


class Target(Struct, frozen=True, kw_only=True):
    """A daemon, running or not, as its settings describe it.

    Arguments:
        sources: where each key's value is from, by its full name: "default", "file PATH" or "environment NAME".
        config_file: None if there is none.
        credentials: systemd's directory of credentials, which it guards by itself.
        secret: None if there is none yet, or it cannot be used: then `secret_problem` says why.
        mail_password: None if none is needed, or it cannot be read: then `mail_problem` says why.
        url: where clients find it; "" if nobody knows.
        idle_seconds: how long a silent socket is to be held.
        seconds: for each check.
    """

    settings: Settings
    sources: Mapping[str, str]
    config_file: Path | None
    data_file: Path
    secret_file: Path
    credentials: Path | None
    secret: bytes | None
    secret_problem: str
    mail_password: str | None
    mail_problem: str
    url: str
    idle_seconds: float
    seconds: float
