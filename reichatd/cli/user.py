"""`reichatd user`: administers users and registrations."""

from pathlib import Path

import click

from reichatd.administration import Record, Request, requests
from reichatd.administration.records import RegistrationRecord, UserChanged, UserDetails, UserRecord
from reichatd.cli import exit_status
from reichatd.cli.administer import collect, perform
from reichatd.cli.output import (
    confirm,
    json_lines,
    json_option,
    output_option,
    print_record,
    print_records,
    yes_option,
)
from reichatd.cli.passwords import new_password, password_options
from reichatd.cli.settings_loader import config_option, load_or_fail
from reichatd.settings.keys import printable


@click.group()
def user() -> None:
    """Add, show, verify, disable, delete, export users.

    A user is named by e-mail address or user id; `show` also finds a user name.
    A running daemon does the work (see server.control_socket), and the change takes effect at once. Without one, the commands work
    on the store itself; reichatd(8) says when a daemon on another machine notices.
    """


@user.command("list")
@click.option("--pending", is_flag=True, help="List the registrations that are not verified yet, not the users.")
@config_option
@json_option
def list_users(pending: bool, config: Path | None, as_json: bool) -> None:
    """List all users, in the order of their addresses."""
    kind = RegistrationRecord if pending else UserRecord
    print_records(kind, collect(config, requests.ListUsers(pending), kind), as_json=as_json)


@user.command()
@click.argument("user")
@config_option
@json_option
def show(user: str, config: Path | None, as_json: bool) -> None:
    """Show a user: rooms, bans, login sessions.

    USER can also be a user name. If several users have that name, they are listed.
    """
    found = collect(config, requests.ShowUser(user), (UserDetails, UserRecord))
    if len(found) > 1:
        print_records(UserRecord, found, as_json=as_json)
        exit_status.fail(
            exit_status.REFUSED, printable(f"{len(found)} users are called {user}: give the address or id of one")
        )
    print_record(found[0], as_json=as_json)


@user.command()
@click.argument("email")
@click.argument("username")
@password_options
@config_option
@json_option
def add(email: str, username: str, from_stdin: bool, generate: bool, config: Path | None, as_json: bool) -> None:
    """Add a user, whose address counts as verified. The password is asked for."""
    password = new_password(load_or_fail(config).settings.limits, from_stdin=from_stdin, generate=generate)
    request = requests.AddUser(email, username, password)
    (change,) = collect(config, request, UserChanged, may_create=True)
    _print_change(change, as_json, password if generate else None)


@user.command("set-password")
@click.argument("user")
@password_options
@config_option
@json_option
def set_password(user: str, from_stdin: bool, generate: bool, config: Path | None, as_json: bool) -> None:
    """Set a user's password, and end all login sessions, tokens for programs and app passwords of the user.

    A second factor stays: see remove-totp.
    """
    password = new_password(load_or_fail(config).settings.limits, from_stdin=from_stdin, generate=generate)
    (change,) = collect(config, requests.SetPassword(user, password), UserChanged)
    _print_change(change, as_json, password if generate else None)


@user.command()
@click.argument("email")
@click.option("--id", "registration_id", metavar="ID", help="The registration, if the address has several.")
@config_option
@json_option
def verify(email: str, registration_id: str | None, config: Path | None, as_json: bool) -> None:
    """Make a registration a user, without its code.

    Anyone can register an address, with any name and password. If an address has several registrations, the command lists them and
    changes nothing until you select one with --id. Ask the owner of the address for the name and the time of the registration.
    """

    def take(record: Record) -> None:
        match record:
            case RegistrationRecord():
                choice = f"--id {record.registration_id}  {record.username}  expires {record.expires_at}"
                click.echo(printable(choice), err=True)
            case UserChanged():
                _print_change(record, as_json)

    perform(config, requests.VerifyUser(email, registration_id), take)


@user.command()
@click.argument("user")
@config_option
@json_option
@yes_option
def disable(user: str, config: Path | None, as_json: bool, yes: bool) -> None:
    """Log a user out, and refuse logins until `enable`."""
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
    """End all login sessions of a user, and close the user's sockets."""
    _change(config, requests.LogUserOut(user), as_json)


@user.command("remove-totp")
@click.argument("user")
@config_option
@json_option
@yes_option
def remove_totp(user: str, config: Path | None, as_json: bool, yes: bool) -> None:
    """Turn off the second factor of a user who has lost it, with all recovery codes.

    From then on the password alone is enough. Make sure first that it is the user who asks.
    """
    confirm(f"Turn off the second factor of {user}?", yes=yes)
    _change(config, requests.RemoveTotp(user), as_json)


@user.command()
@click.argument("user")
@click.option(
    "--transfer-to",
    "heir",
    metavar="USER",
    help="Make this user the owner, and a member, of the rooms that the user owns.",
)
@click.option("--delete-rooms", is_flag=True, help="Delete the rooms that the user owns.")
@config_option
@json_option
@yes_option
def delete(user: str, heir: str | None, delete_rooms: bool, config: Path | None, as_json: bool, yes: bool) -> None:
    """Delete a user for good: account, sessions, memberships, bans.

    The messages stay, without the name and address of their author.
    """
    if heir is not None and delete_rooms:
        raise click.UsageError("--transfer-to and --delete-rooms cannot be used together")
    rooms = " and all rooms that the user owns" if delete_rooms else ""
    confirm(f"Delete {user}{rooms} for good?", yes=yes)
    _change(config, requests.DeleteUser(user, heir, delete_rooms), as_json)


@user.command()
@click.argument("user")
@output_option
@config_option
def export(user: str, output: Path | None, config: Path | None) -> None:
    """Export everything about a user as JSON, one record per line.

    The account, then the memberships, the login sessions (without their secrets), and all messages, as articles 15 and 20 of the
    GDPR require.
    """
    with json_lines(output) as write:
        perform(config, requests.ExportUser(user), write)


def _change(config: Path | None, request: Request, as_json: bool) -> None:
    (change,) = collect(config, request, UserChanged)
    _print_change(change, as_json)


def _print_change(change: UserChanged, as_json: bool, password: str | None = None) -> None:
    fields: dict[str, object] = {"change": change.change, "user_id": change.user_id, "email": change.email}
    fields |= {"sessions_ended": change.sessions_ended} if change.sessions_ended else {}
    fields |= {"password": password} if password is not None else {}
    print_record(fields, as_json=as_json)
