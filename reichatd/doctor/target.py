"""What the doctor examines."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from reichatd.accounts.oidc import OidcClient
from reichatd.settings import Settings


class Target(Struct, frozen=True, kw_only=True):
    """A daemon, running or not, as its settings describe it.

    Arguments:
        sources: where each setting's value comes from, by its full name: "default", "file PATH" or "environment NAME".
        config_file: the settings file; None without one.
        credentials: systemd's directory of credentials, which systemd protects; None without one.
        secret: None if there is none yet, or if it cannot be used; then `secret_problem` says why.
        mail_password: None if none is needed, or if it cannot be read; then `mail_problem` says why.
        oidc: None without a provider, or if its files cannot be used; then `oidc_problem` says why.
        url: the public URL of the daemon; "" if it is not known.
        idle_seconds: how long the check holds an idle WebSocket open.
        seconds: time limit of each check.
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
    oidc: OidcClient | None
    oidc_problem: str
    url: str
    idle_seconds: float
    seconds: float
