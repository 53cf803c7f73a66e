"""`reichatd user`: the people."""

from collections.abc import Sequence
from pathlib import Path

import click

from reichatd.administration import Record, Request, requests
from reichatd.administration.records import RegistrationRecord, UserChanged, UserDetails, UserRecord
from reichatd.cli import exit_status
from reichatd.cli.administer import collect, perform
from reichatd.cli.output import (
    confirm,
    fields_of,
    json_lines,
    json_option,
    print_fields,
    print_json,
    print_rows,
    yes_option,
)
from reichatd.cli.passwords import new_password, password_options
from reichatd.cli.settings import config_option, load_or_fail
from reichatd.settings.keys import printable


@click.group()
def user() -> None:
    """Add, show, verify, disable, delete, export users.

    Each is named by e-mail address or user id; `show` also finds a user name.
    A running daemon does the work, and open connections feel it at once. With none on the control socket
    (server.control_socket) the commands work on the store itself: a daemon on another machine then heeds what they did at most
    auth.session_cache_seconds later, and its open connections auth.session_recheck_seconds later.
    """


@user.command("list")
@click.option("--pending", is_flag=True, help="Those who have yet to verify their address, in place of the users.")
@config_option
@json_option
def list_users(pending: bool, config: Path | None, as_json: bool) -> None:
    """List all users, by address."""
    kind = RegistrationRecord if pending else UserRecord
    _print_users(kind, collect(config, requests.ListUsers(pending), kind), as_json)


@user.command()
@click.argument("user")
@config_option
@json_option
def show(user: str, config: Path | None, as_json: bool) -> None:
    """Show a user: rooms, bans, login sessions.

    USER may also be a user name; where several users have it, they are listed.
    """
    found = collect(config, requests.ShowUser(user), (UserDetails, UserRecord))
    if len(found) > 1:
        _print_users(UserRecord, found, as_json)
        exit_status.fail(
            exit_status.REFUSED, printable(f"{len(found)} users are called {user}: name one by address or id")
        )
    if as_json:
        print_json(found[0])
    else:
        print_fields(fields_of(found[0]))


def _print_users(kind: type[Record], records: Sequence[Record], as_json: bool) -> None:
    if as_json:
        print_json(records)
    else:
        print_rows(kind.__struct_fields__, [list(fields_of(record).values()) for record in records])


@user.command()
@click.argument("email")
@click.argument("username")
@password_options
@config_option
@json_option
def add(email: str, username: str, from_stdin: bool, generate: bool, config: Path | None, as_json: bool) -> None:
    """Add a user who need not verify the address. The password is asked for."""
    password = new_password(load_or_fail(config).settings.limits, from_stdin=from_stdin, generate=generate)
    request = requests.AddUser(email, username, password)
    (change,) = collect(config, request, UserChanged, may_create=True)
    _tell(change, as_json, password if generate else None)


@user.command("set-password")
@click.argument("user")
@password_options
@config_option
@json_option
def set_password(user: str, from_stdin: bool, generate: bool, config: Path | None, as_json: bool) -> None:
    """Give a user another password, and end all login sessions."""
    password = new_password(load_or_fail(config).settings.limits, from_stdin=from_stdin, generate=generate)
    (change,) = collect(config, requests.SetPassword(user, password), UserChanged)
    _tell(change, as_json, password if generate else None)


@user.command()
@click.argument("email")
@click.option("--id", "registration_id", metavar="ID", help="Which one, if the address has several registrations.")
@config_option
@json_option
def verify(email: str, registration_id: str | None, config: Path | None, as_json: bool) -> None:
    """Make a user of a registration, without its code.

    Anyone can register an address, with a name and a password of their own. Where an address has several registrations they are
    listed, and nothing is done until you name one with --id: ask its owner for the name, and when it was registered.
    """

    def take(record: Record) -> None:
        match record:
            case RegistrationRecord():
                choice = f"--id {record.registration_id}  {record.username}  expires {record.expires_at}"
                click.echo(printable(choice), err=True)
            case UserChanged():
                _tell(record, as_json)

    perform(config, requests.VerifyUser(email, registration_id), take)


@user.command()
@click.argument("user")
@config_option
@json_option
@yes_option
def disable(user: str, config: Path | None, as_json: bool, yes: bool) -> None:
    """Log a user out and refuse further logins, until `enable`."""
    confirm(f"Disable {user}?", yes=yes)
    _change(config, requests.DisableUser(user), as_json)


@user.command()
@click.argument("user")
@config_option
@json_option
def enable(user: str, config: Path | None, as_json: bool) -> None:
    """Let a disabled user log in again."""
    _change(config, requests.EnableUser(user), as_json)


@user.command()
@click.argument("user")
@config_option
@json_option
def logout(user: str, config: Path | None, as_json: bool) -> None:
    """End all login sessions of a user, and close their sockets."""
    _change(config, requests.LogUserOut(user), as_json)


@user.command()
@click.argument("user")
@click.option("--transfer-to", "heir", metavar="USER", help="Who gets the rooms that the user owns, and joins them.")
@click.option("--delete-rooms", is_flag=True, help="Delete the rooms that the user owns.")
@config_option
@json_option
@yes_option
def delete(user: str, heir: str | None, delete_rooms: bool, config: Path | None, as_json: bool, yes: bool) -> None:
    """Delete a user for good: account, sessions, memberships, bans.

    The messages stay where they are, without name and address of their author.
    """
    if heir is not None and delete_rooms:
        raise click.UsageError("--transfer-to and --delete-rooms exclude each other")
    rooms = " and all rooms of theirs" if delete_rooms else ""
    confirm(f"Delete {user}{rooms} for good?", yes=yes)
    _change(config, requests.DeleteUser(user, heir, delete_rooms), as_json)


@user.command()
@click.argument("user")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="A file, in place of the terminal."
)
@config_option
def export(user: str, output: Path | None, config: Path | None) -> None:
    """Write out everything about a user, as JSON, a record a line.

    The account, then the memberships, the login sessions (without their secrets), and all messages: what articles 15 and 20 of
    the GDPR ask for.
    """
    with json_lines(output) as write:
        perform(config, requests.ExportUser(user), write)


def _change(config: Path | None, request: Request, as_json: bool) -> None:
    (change,) = collect(config, request, UserChanged)
    _tell(change, as_json)


def _tell(change: UserChanged, as_json: bool, password: str | None = None) -> None:
    told: dict[str, object] = {"change": change.change, "user_id": change.user_id, "email": change.email}
    told |= {"sessions_ended": change.sessions_ended} if change.sessions_ended else {}
    told |= {"password": password} if password is not None else {}
    if as_json:
        print_json(told)
    else:
        print_fields(told)
