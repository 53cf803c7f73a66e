"""`reichatd invite`: invitations to the server, and to rooms."""

from pathlib import Path

import click
from click.core import ParameterSource

from reichatd.administration import requests
from reichatd.administration.records import InviteCreated, InviteDeleted, InviteRecord
from reichatd.cli.administer import collect
from reichatd.cli.output import fields_of, json_option, print_fields, print_json, print_record, print_records
from reichatd.cli.settings_loader import config_option

_room_option = click.option(
    "--room", "room_id", default="", metavar="ROOM_ID", help="The room. Default: the server, without a room."
)


@click.group(invoke_without_command=True, subcommand_metavar="[list | delete]")
@_room_option
@click.option(
    "--uses", type=click.IntRange(1, 1_000_000), default=1, metavar="N", help="How many people may use it. Default: 1."
)
@click.option("--unlimited", is_flag=True, help="Any number of people may use it.")
@click.option(
    "--days", type=click.IntRange(1, 3650), metavar="N", help="How many days it is valid. Default: limits.invite_days."
)
@config_option
@json_option
@click.pass_context
def invite(
    context: click.Context,
    room_id: str,
    uses: int,
    unlimited: bool,
    days: int | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Invite people to the server, or to a room.

    The command makes an invitation and prints its link, which is shown only once. With it, someone may register even if
    auth.registration is "invite" or "closed", and becomes a member of the room, if it is to a room. A running daemon does the work
    (see server.control_socket). Without one, the command works on the store itself.
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return
    if unlimited and context.get_parameter_source("uses") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--uses and --unlimited cannot be used together")
    request = requests.CreateInvite(room_id, None if unlimited else uses, days)
    (made,) = collect(config, request, InviteCreated, may_create=True)
    if as_json:
        print_json(made)
    else:
        fields = fields_of(made) | {"uses": "any number" if made.uses is None else made.uses}
        print_fields({name: value for name, value in fields.items() if value != ""})


@invite.command("list")
@_room_option
@config_option
@json_option
def list_invites(room_id: str, config: Path | None, as_json: bool) -> None:
    """List the valid invitations, oldest first."""
    print_records(InviteRecord, collect(config, requests.ListInvites(room_id), InviteRecord), as_json=as_json)


@invite.command()
@click.argument("invite_id")
@config_option
@json_option
def delete(invite_id: str, config: Path | None, as_json: bool) -> None:
    """End an invitation."""
    (deleted,) = collect(config, requests.DeleteInvite(invite_id), InviteDeleted)
    print_record(deleted, as_json=as_json)


def _refuse_options(context: click.Context) -> None:
    """Options before the name of a subcommand would be ignored: it would work on another room, or another store."""
    for option in context.command.params:
        if context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE:
            name = context.invoked_subcommand
            raise click.UsageError(f"{option.opts[0]} before {name}: options of {name} come after it", context)
