"""`reichatd stats`: counts the content of the store and the load of the daemon."""

from pathlib import Path

import click

from reichatd.administration import requests
from reichatd.administration.records import StatsRecord, StoreDaemon
from reichatd.cli.administer import collect
from reichatd.cli.output import fields_of, json_option, print_fields, print_json
from reichatd.cli.settings_loader import config_option


@click.command()
@config_option
@json_option
def stats(config: Path | None, as_json: bool) -> None:
    """Count users, rooms and messages, and the daemon's connections."""
    (record,) = collect(config, requests.GetStats(), StatsRecord)
    if as_json:
        print_json(record)
        return
    fields = fields_of(record)
    del fields["daemon"], fields["daemons"]
    if len(record.daemons) > (record.daemon is not None):
        fields |= {f"daemon {each.pid} on {each.host}": _in_words(each) for each in record.daemons}
    if record.daemon is None:
        print_fields(fields | {"daemon": "not running here" if record.daemons else "not running"})
    else:
        figures = fields_of(record.daemon)
        del figures["refusals"], figures["changes"]
        refusals = {f"refused: {limit}": count for limit, count in sorted(record.daemon.refusals.items())}
        changes = {f"changes: {outcome}": count for outcome, count in sorted(record.daemon.changes.items()) if count}
        print_fields(fields | figures | changes | refusals)


def _in_words(daemon: StoreDaemon) -> str:
    keeper = ", does the housekeeping" if daemon.housekeeping else ""
    return f"version {daemon.version}, since {daemon.started_at}, heartbeat {daemon.idle_seconds:g} s ago{keeper}"
