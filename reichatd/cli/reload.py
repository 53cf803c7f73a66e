"""`reichatd reload`: has the running daemon read its settings again."""

import os
from functools import partial
from pathlib import Path

import click
import trio

from reichatd import control
from reichatd.administration import Record, SettingRecord
from reichatd.administration.records import RequestRefused
from reichatd.administration.requests import ReadSettings
from reichatd.cli import exit_status
from reichatd.cli.administer import GONE, closed
from reichatd.cli.output import json_option, print_json, print_rows
from reichatd.cli.settings import config_option, find_control_socket
from reichatd.settings import HIDDEN, Reload, SettingsError
from reichatd.settings.keys import printable, shown


@click.command()
@config_option
@json_option
def reload(config: Path | None, as_json: bool) -> None:
    """Have the running daemon read its settings again.

    It reads the file that it was started with, and says of each key that differs what came of it. With a mistake in the file
    nothing changes, and the exit status is 78.
    """
    try:
        path = find_control_socket(config, os.environ)
    except SettingsError as error:
        exit_status.fail(exit_status.CONFIGURATION, *map(str, error.problems))
    if path is None:
        exit_status.fail(
            exit_status.NO_DAEMON, "server.control_socket is empty: a daemon with these settings hears SIGHUP only"
        )
    records: list[SettingRecord] = []

    async def take(record: Record) -> None:
        assert isinstance(record, SettingRecord)
        records.append(record)

    try:
        conclusion = trio.run(partial(control.ask, path, ReadSettings(), take))
    except control.NoDaemon:
        exit_status.fail(
            exit_status.NO_DAEMON, f"no daemon listens at {path}; if it has other settings, name its file: --config"
        )
    except control.NotPermitted:
        exit_status.fail(exit_status.NOT_PERMITTED, closed(path))
    except control.DaemonGone:
        exit_status.fail(exit_status.TRY_AGAIN, GONE)
    if as_json:
        print_json(records)
    if isinstance(conclusion, RequestRefused):
        rejected = [printable(record.reason) for record in records if record.outcome == Reload.REJECTED.value]
        otherwise = exit_status.TRY_AGAIN if conclusion.status == 503 else exit_status.REFUSED
        exit_status.fail(exit_status.CONFIGURATION if rejected else otherwise, *rejected, printable(conclusion.message))
    if records and not as_json:
        print_rows(
            ("key", "old", "new", "outcome"),
            [(record.key, _shown(record.old), _shown(record.new), record.outcome) for record in records],
        )
    elif not as_json:
        click.echo("Nothing has changed.")


def _shown(value: object) -> str:
    return HIDDEN if value == HIDDEN else shown(value)
