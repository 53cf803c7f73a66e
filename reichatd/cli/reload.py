"""`reichatd reload`: makes the running daemon read its settings again."""

import os
from pathlib import Path

import click
import trio

from reichatd import control
from reichatd.administration import Record, SettingRecord
from reichatd.administration.records import RequestRefused
from reichatd.administration.requests import ReadSettings
from reichatd.cli import exit_status
from reichatd.cli.administer import ask_daemon
from reichatd.cli.exit_status import Failure
from reichatd.cli.output import json_option, print_json, print_rows
from reichatd.cli.settings_loader import config_option, find_control_socket
from reichatd.settings import HIDDEN, Reload, SettingsError
from reichatd.settings.keys import printable, shown


@click.command()
@config_option
@json_option
def reload(config: Path | None, as_json: bool) -> None:
    """Make the running daemon read its settings again.

    The daemon reads the file that it was started with. The command prints the outcome for each key that changed. If the file has
    a mistake, nothing changes, and the exit status is 78.
    """
    path = _control_socket(config)
    records: list[SettingRecord] = []

    async def take(record: Record) -> None:
        assert isinstance(record, SettingRecord)
        records.append(record)

    try:
        conclusion = trio.run(ask_daemon, path, ReadSettings(), take)
    except control.NoDaemon:
        exit_status.fail(
            exit_status.NO_DAEMON, f"no daemon listens at {path}; if it has other settings, name its file: --config"
        )
    except Failure as failure:
        exit_status.fail(*failure.args)
    if as_json:
        print_json(records)
    if isinstance(conclusion, RequestRefused):
        rejected = [printable(record.reason) for record in records if record.outcome == Reload.REJECTED.value]
        status = exit_status.CONFIGURATION if rejected else exit_status.of_refusal(conclusion.status)
        exit_status.fail(status, *rejected, printable(conclusion.message))
    if records and not as_json:
        print_rows(
            ("key", "old", "new", "outcome"),
            [(record.key, _shown(record.old), _shown(record.new), record.outcome) for record in records],
        )
    elif not as_json:
        click.echo("Nothing has changed.")


def _control_socket(config: Path | None) -> Path:
    """The daemon's control socket. Ends the program if it has none, or if the settings do not tell."""
    try:
        path = find_control_socket(config, os.environ)
    except SettingsError as error:
        exit_status.fail(exit_status.CONFIGURATION, *map(str, error.problems))
    if path is None:
        exit_status.fail(
            exit_status.NO_DAEMON, "server.control_socket is empty: use SIGHUP to reload a daemon with these settings"
        )
    return path


def _shown(value: object) -> str:
    return HIDDEN if value == HIDDEN else shown(value)
