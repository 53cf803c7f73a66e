"""Builds the daemon's configuration: the settings, and the content of the files that they name. All functions wait for the disk."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from reichatd.cli.settings_loader import Loaded, load
from reichatd.logo import Logo, read_logo
from reichatd.settings import MailSettings, OidcSettings, ServerSettings, SettingsError, SettingsProblem, WebSettings

if TYPE_CHECKING:
    from reichatd.accounts.oidc import OidcClient
    from reichatd.parts import Configuration


def configuration(loaded: Loaded) -> "Configuration":
    """The configuration with settings that are loaded.

    Raises:
        SettingsError: a file that the settings name is missing or invalid.
    """
    from reichatd.parts import (
        Configuration,
    )  # imports the whole daemon; `mail_password`, for the doctor, does not need it

    settings = loaded.settings
    return Configuration(
        settings,
        _tls(settings.server),
        mail_password(settings.mail),
        oidc_client(settings.auth.oidc),
        logo_of(settings.web),
    )


def reread(config: Path | None, environ: Mapping[str, str]) -> "Configuration":
    """Loads the settings again, and returns the configuration with them.

    Arguments: as for `load`.

    Raises:
        SettingsError: the settings are not valid (with all problems), or a file that they name is not (with the first one).
    """
    return configuration(load(config, environ))


def _tls(server: ServerSettings) -> ssl.SSLContext | None:
    if not server.tls_cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])  # over HTTP/2, browsers use another kind of WebSocket (RFC 8441)
    try:
        context.load_cert_chain(server.tls_cert, server.tls_key)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or error.reason if isinstance(error, ssl.SSLError) else error.strerror
        text = f"server.tls_cert, server.tls_key: cannot be used: {reason}"
        raise SettingsError(SettingsProblem("server.tls_cert", text=text)) from error
    return context


def mail_password(mail: MailSettings) -> str | None:
    """The password of the SMTP login; None if there is none.

    Raises:
        SettingsError: its file cannot be read.
    """
    if mail.backend == "console" or not mail.password_file:
        return None
    return _secret_in("mail.password_file", mail.password_file)


def logo_of(web: WebSettings) -> Logo | None:
    """The logo that the settings name; None if they name none.

    Raises:
        SettingsError: its file cannot be read, or is no logo.
    """
    if not web.logo:
        return None
    try:
        return read_logo(Path(web.logo))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(SettingsProblem("web.logo", text=f"web.logo: {web.logo}: {reason}")) from error


def oidc_client(oidc: OidcSettings) -> "OidcClient | None":
    """What the files of [auth.oidc] contain; None without a provider.

    Raises:
        SettingsError: one of them cannot be used.
    """
    if not oidc.issuer:
        return None
    from reichatd.accounts.oidc import OidcClient

    secret = oidc.client_secret
    if not secret and oidc.client_secret_file:
        secret = _secret_in("auth.oidc.client_secret_file", oidc.client_secret_file)
    context = ssl.create_default_context()
    if oidc.ca_file:
        try:
            context.load_verify_locations(oidc.ca_file)
        except OSError as error:  # also ssl.SSLError
            text = f"auth.oidc.ca_file: {oidc.ca_file}: {error.strerror or 'has no certificates'}"
            raise SettingsError(SettingsProblem("auth.oidc.ca_file", text=text)) from error
    return OidcClient(secret, context)


def _secret_in(key: str, file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeError) as error:
        # The text of a UnicodeError is not shown: it contains bytes of the secret.
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise SettingsError(SettingsProblem(key, text=f"{key}: {file}: {reason}")) from error
