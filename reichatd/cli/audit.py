"""`reichatd audit`: shows the audit log."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from reichatd.administration import Record, requests
from reichatd.administration.records import AuditRecord
from reichatd.cli.administer import perform
from reichatd.cli.output import print_json_line
from reichatd.cli.settings_loader import config_option
from reichatd.settings.keys import printable

_UNITS = {"m": 60.0, "h": 3600.0, "d": 86_400.0}


class _Since(click.ParamType[float]):
    """A time ago (90m, 12h, 7d), or a date with or without a time, in UTC unless it says otherwise."""

    name = "time"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        if ago := re.fullmatch(r"(\d{1,6})([mhd])", value):
            return time.time() - int(ago[1]) * _UNITS[ago[2]]
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"{value!r} is neither a time ago (90m, 12h, 7d) nor a date (2026-01-31, 2026-01-31T12:00)", param, ctx
            )
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


@click.command()
@click.option("--user", default="", metavar="USER", help="Only what this user did, or what was done to this user.")
@click.option("--room", "room_id", default="", metavar="ROOM_ID", help="Only what was done in this room.")
@click.option(
    "--since",
    type=_Since(),
    default=0.0,
    show_default=False,
    metavar="TIME",
    help="Only since then: 90m, 12h, 7d, or a date.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one entry per line, for programs.")
@click.option("--follow", is_flag=True, help="Then wait for new entries, until Ctrl+C.")
@config_option
def audit(user: str, room_id: str, since: float, as_json: bool, follow: bool, config: Path | None) -> None:
    """Show the audit log.

    The oldest entry comes first. The audit log has logins, refused ones too, changes of accounts, rooms and rights, and what
    administrators did. It has no messages. A user is named by e-mail address or user id; "administrator" stands for everyone who
    uses commands such as this one.
    """

    def take(record: Record) -> None:
        if isinstance(record, AuditRecord):
            print_json_line(record) if as_json else click.echo(_line(record))

    perform(config, requests.ReadAudit(user, room_id, since, follow), take, until_interrupted=follow)


def _line(record: AuditRecord) -> str:
    """An entry on one line, for people."""
    parts = [f"{record.at[:19]}Z", record.event, _who(record.actor, record.actor_name) or "someone without a login"]
    parts += [f"to {_who(record.user_id, record.username)}"] if record.user_id else []
    parts += [f"in {record.room_id}"] if record.room_id else []
    parts += [f"from {record.address}"] if record.address else []
    parts += [f"({record.detail})"] if record.detail else []
    return printable("  ".join(parts))


def _who(user_id: str, name: str) -> str:
    return f"{name} ({user_id})" if name else user_id
