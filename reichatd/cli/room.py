"""`reichatd room`: administers rooms."""

import sys
from pathlib import Path

import click

from reichatd.administration import Record, Request, requests
from reichatd.administration.records import PersonRecord, RoomChanged, RoomDetails, RoomRecord
from reichatd.cli.administer import collect, perform
from reichatd.cli.output import (
    confirm,
    fields_of,
    json_lines,
    json_option,
    output_option,
    print_fields,
    print_json,
    print_record,
    print_records,
    print_rows,
    yes_option,
)
from reichatd.cli.passwords import ask_password
from reichatd.cli.prompts import first_line
from reichatd.cli.settings_loader import config_option


@click.group()
def room() -> None:
    """Create, show, delete, transfer, export rooms; kick and ban.

    A room is named by its room id, a user by e-mail address or user id.
    A running daemon does the work (see server.control_socket), and the change takes effect at once. Without one, the commands work
    on the store itself; reichatd(8) says when a daemon on another machine notices.
    """


@room.command("list")
@config_option
@json_option
def list_rooms(config: Path | None, as_json: bool) -> None:
    """List all rooms, in the order of their ids."""
    records = collect(config, requests.ListRooms(), RoomRecord)
    if as_json:
        print_json(records)
    else:
        rows = [_for_people(record) if sys.stdout.isatty() else fields_of(record) for record in records]
        print_rows(list(rows[0]) if rows else RoomRecord.__struct_fields__, [list(row.values()) for row in rows])


def _for_people(room: RoomRecord | RoomDetails) -> dict[str, object]:
    """A room's fields, with the name of the owner."""
    fields = fields_of(room)
    name = fields.pop("owner_name") or "deleted user"
    return fields | {"owner": f"{name} ({room.owner})"}


@room.command()
@click.argument("room_id")
@config_option
@json_option
def show(room_id: str, config: Path | None, as_json: bool) -> None:
    """Show a room, its members, and the users who are banned from it."""
    details: list[RoomDetails] = []
    people: list[PersonRecord] = []

    def take(record: Record) -> None:
        if isinstance(record, RoomDetails):
            details.append(record)
        elif isinstance(record, PersonRecord):
            people.append(record)

    perform(config, requests.ShowRoom(room_id), take)
    if as_json:
        print_json(fields_of(details[0]) | {"people": people})
    else:
        print_fields(_for_people(details[0]))
        print_records(PersonRecord, people, as_json=False)


@room.command()
@click.argument("name")
@click.option("--owner", required=True, metavar="USER", help="The owner, who is also the first member.")
@click.option("--description", default="", help="The description of the room.")
@click.option("--id", "room_id", help="The room id. Default: a random one.")
@click.option("--private", is_flag=True, help="Make a private room; its password is asked for.")
@click.option(
    "--password-stdin",
    "from_stdin",
    is_flag=True,
    help="Make a private room; read its password from standard input, one line.",
)
@config_option
@json_option
def create(
    name: str,
    owner: str,
    description: str,
    room_id: str | None,
    private: bool,
    from_stdin: bool,
    config: Path | None,
    as_json: bool,
) -> None:
    """Create a room."""
    password = first_line() if from_stdin else ask_password() if private else None
    if password == "":
        raise click.UsageError("the password is empty; a room without a password would be public")
    _change(config, requests.CreateRoom(owner, name, description, password, room_id), as_json)


@room.command()
@click.argument("room_id")
@config_option
@json_option
@yes_option
def delete(room_id: str, config: Path | None, as_json: bool, yes: bool) -> None:
    """Delete a room with all its messages, for good."""
    confirm(f"Delete the room {room_id} with all its messages, for good?", yes=yes)
    _change(config, requests.DeleteRoom(room_id), as_json)


@room.command()
@click.argument("room_id")
@click.argument("user")
@config_option
@json_option
@yes_option
def kick(room_id: str, user: str, config: Path | None, as_json: bool, yes: bool) -> None:
    """End a user's membership."""
    confirm(f"Kick {user} from {room_id}?", yes=yes)
    _change(config, requests.KickMember(room_id, user), as_json)


@room.command()
@click.argument("room_id")
@click.argument("user")
@config_option
@json_option
@yes_option
def ban(room_id: str, user: str, config: Path | None, as_json: bool, yes: bool) -> None:
    """End a user's membership, if there is one, and do not let the user join again."""
    confirm(f"Ban {user} from {room_id}?", yes=yes)
    _change(config, requests.BanUser(room_id, user), as_json)


@room.command()
@click.argument("room_id")
@click.argument("user")
@config_option
@json_option
def unban(room_id: str, user: str, config: Path | None, as_json: bool) -> None:
    """Let a banned user join again."""
    _change(config, requests.UnbanUser(room_id, user), as_json)


@room.command()
@click.argument("room_id")
@click.argument("user")
@config_option
@json_option
@yes_option
def transfer(room_id: str, user: str, config: Path | None, as_json: bool, yes: bool) -> None:
    """Make another member the owner."""
    confirm(f"Give the room {room_id} to {user}?", yes=yes)
    _change(config, requests.TransferRoom(room_id, user), as_json)


@room.command()
@click.argument("room_id")
@output_option
@config_option
def export(room_id: str, output: Path | None, config: Path | None) -> None:
    """Export a room as JSON, one record per line: its settings, members, bans, and all messages."""
    with json_lines(output) as write:
        perform(config, requests.ExportRoom(room_id), write)


def _change(config: Path | None, request: Request, as_json: bool) -> None:
    (change,) = collect(config, request, RoomChanged)
    print_record({name: value for name, value in fields_of(change).items() if value is not None}, as_json=as_json)
