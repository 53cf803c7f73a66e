"""Builds the daemon's configuration: the settings, and the content of the files that they name. All functions wait for the disk."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from reichatd.cli.settings_loader import Loaded, load
from reichatd.settings import MailSettings, ServerSettings, SettingsError, SettingsProblem

if TYPE_CHECKING:
    from reichatd.parts import Configuration


def configuration(loaded: Loaded) -> "Configuration":
    """The configuration with settings that are loaded.

    Raises:
        SettingsError: a file that the settings name is missing or invalid.
    """
    from reichatd.parts import Configuration  # the whole daemon, which the doctor needs not to read a password

    settings = loaded.settings
    return Configuration(settings, _tls(settings.server), mail_password(settings.mail))


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
    try:
        return Path(mail.password_file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeError) as error:
        # The text of a UnicodeError is not shown: it contains bytes of the password.
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        text = f"mail.password_file: {mail.password_file}: {reason}"
        raise SettingsError(SettingsProblem("mail.password_file", text=text)) from error
