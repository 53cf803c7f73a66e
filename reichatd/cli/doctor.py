"""`reichatd doctor`: checks what a daemon needs, and advises what to do about each problem."""

import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reichatd.cli import exit_status
from reichatd.cli.output import json_option, print_json
from reichatd.cli.secret import load_secret
from reichatd.cli.settings_loader import Loaded, config_option, load
from reichatd.settings import SettingsError
from reichatd.settings.keys import printable

if TYPE_CHECKING:
    from reichatd.accounts.oidc import OidcClient
    from reichatd.doctor import Finding, Target

_COLOURS = {"ok": "green", "skipped": "bright_black", "warning": "yellow", "error": "red"}
_SECONDS = click.FloatRange(min=0, max=86_400, min_open=True)


@click.command()
@config_option
@click.option("--url", metavar="URL", help="The URL for clients. Default: server.public_url.")
@click.option("--idle", type=_SECONDS, default=5.0, show_default=True, help="How many seconds to hold an idle socket.")
@click.option(
    "--timeout", type=_SECONDS, default=30.0, show_default=True, help="The limit for each group of checks, in seconds."
)
@json_option
def doctor(config: Path | None, url: str | None, idle: float, timeout: float, as_json: bool) -> None:
    """Find problems, and advise how to solve them.

    The doctor checks settings, files, secret, store, mail, login provider, clock and the running daemon. It also connects as
    clients do, and checks TLS, the WebSocket upgrade, idle sockets and forwarded addresses. It changes nothing and sends no mail.
    Run it as the daemon's user, with its settings and environment.

    Exit status: 0 no problem, 1 warnings, 2 errors (as for monitoring plugins).
    """
    try:
        target = _target(load(config, os.environ), url, idle, timeout)
    except SettingsError as error:
        findings = _invalid_settings(error)
    else:
        import trio

        from reichatd.doctor import examine

        findings = trio.run(examine, target)
    if as_json:
        print_json({"status": _status(findings), "findings": findings})
    else:
        _print(findings)
    sys.exit(_status(findings))


def _target(loaded: Loaded, url: str | None, idle: float, timeout: float) -> "Target":
    from reichatd.doctor import Target

    secret, secret_problem = _secret(loaded)
    mail_password, mail_problem = _mail_password(loaded)
    oidc, oidc_problem = _oidc(loaded)
    return Target(
        settings=loaded.settings,
        sources=loaded.sources,
        config_file=loaded.file,
        data_file=loaded.paths.data_file,
        secret_file=loaded.paths.secret_file,
        credentials=loaded.paths.credentials,
        secret=secret,
        secret_problem=secret_problem,
        mail_password=mail_password,
        mail_problem=mail_problem,
        oidc=oidc,
        oidc_problem=oidc_problem,
        url=_checked(url) if url else loaded.settings.server.public_url,
        idle_seconds=idle,
        seconds=timeout,
    )


def _secret(loaded: Loaded) -> tuple[bytes | None, str]:
    """The secret, or the reason why there is none. It is not created here; the first start does that."""
    auth = loaded.settings.auth
    if not auth.secret_key and not auth.secret_key_file and not os.path.lexists(loaded.paths.secret_file):
        return None, ""
    try:
        return load_secret(loaded), ""
    except SettingsError as error:
        return None, str(error)


def _mail_password(loaded: Loaded) -> tuple[str | None, str]:
    from reichatd.cli.daemon_configuration import mail_password

    try:
        return mail_password(loaded.settings.mail), ""
    except SettingsError as error:
        return None, str(error)


def _oidc(loaded: Loaded) -> "tuple[OidcClient | None, str]":
    from reichatd.cli.daemon_configuration import oidc_client

    try:
        return oidc_client(loaded.settings.auth.oidc), ""
    except SettingsError as error:
        return None, str(error)


def _checked(url: str) -> str:
    import msgspec

    from reichatd.settings.kinds import PublicUrl

    try:
        return msgspec.convert(url, PublicUrl)
    except msgspec.ValidationError:
        raise click.BadParameter("http(s)://host[:port][/path]", param_hint="--url") from None


def _invalid_settings(error: SettingsError) -> "list[Finding]":
    """The findings if the settings are not valid: then nothing else can be checked."""
    from reichatd.doctor import Finding, Level

    remedy = (
        "fix the settings (reichatd.toml(5) describes each key) and run the doctor again: all other checks need them"
    )
    return [Finding("settings.valid", Level.ERROR, str(problem), remedy) for problem in error.problems]


def _status(findings: "list[Finding]") -> int:
    levels = {finding.level.value for finding in findings}
    return exit_status.ERRORS if "error" in levels else exit_status.WARNINGS if "warning" in levels else exit_status.OK


def _print(findings: "list[Finding]") -> None:
    for finding in findings:
        level = click.style(f"{finding.level:8}", fg=_COLOURS[finding.level])
        click.echo(f"{level} {finding.code:20} {printable(finding.found)}")
        if finding.remedy:
            click.echo(f"{'':9}{'':20} → {printable(finding.remedy)}")
    counts = Counter(finding.level.value for finding in findings)
    click.echo(", ".join(_counted(counts[level], level) for level in _COLOURS if counts[level]))


def _counted(count: int, level: str) -> str:
    return f"{count} {level}s" if count > 1 and level in ("warning", "error") else f"{count} {level}"
