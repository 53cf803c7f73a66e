"""`reichatd message`: shows and deletes messages."""

import re
from collections.abc import Sequence
from pathlib import Path

import click

from reichatd.administration import requests
from reichatd.administration.records import MessageRecord, MessagesDeleted
from reichatd.cli import exit_status
from reichatd.cli.administer import collect
from reichatd.cli.output import confirm, fields_of, json_option, print_fields, print_json, print_record, yes_option
from reichatd.cli.settings_loader import config_option
from reichatd.settings.keys import printable

_INDENT = "    "


class _Ids(click.ParamType[tuple[int, int]]):
    """The id of a message, or a range of ids: the first and the last."""

    name = "id"

    def convert(
        self, value: str | tuple[int, int], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"(\d{1,10})(?:-(\d{1,10}))?", value, re.ASCII)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 1 <= first <= last:
            self.fail(f"{value!r} is neither the id of a message (120) nor a range (120-140)", param, ctx)
        return first, last


_ids_argument = click.argument("ranges", metavar="ID...", type=_Ids(), nargs=-1, required=True)


@click.group()
def message() -> None:
    """Show messages, and delete them.

    You need not be a member of the room, which is named by its room id. A message is named by its number in the room: in the web
    client, the number at the end of the link that "Copy link" gives. 120-140 stands for all messages from 120 to 140.

    If the room lacks one of the messages, the exit status is 67; the others are shown or deleted.
    A running daemon does the work (see server.control_socket), and the change takes effect at once. Without one, the commands work
    on the store itself.
    """


@message.command()
@click.argument("room_id")
@_ids_argument
@config_option
@json_option
def show(room_id: str, ranges: tuple[tuple[int, int], ...], config: Path | None, as_json: bool) -> None:
    """Show messages: who wrote what, and when; edits, deletions, reactions and pins.

    At most as many at once as one fetch may ask for (limits.fetch_ids).
    """
    messages = collect(config, requests.ShowMessages(room_id, ranges), MessageRecord)
    if as_json:
        print_json(messages)
    else:
        for number, each in enumerate(messages):
            if number:
                click.echo()
            _print_message(each)
    wanted = {message_id for first, last in ranges for message_id in range(first, last + 1)}
    _fail_if_missing(room_id, sorted(wanted - {each.message_id for each in messages}))


@message.command()
@click.argument("room_id")
@_ids_argument
@config_option
@json_option
@yes_option
def delete(room_id: str, ranges: tuple[tuple[int, int], ...], config: Path | None, as_json: bool, yes: bool) -> None:
    """Delete messages, for good, as a moderator does. All clients show them as deleted at once.

    The text, the reactions and the pin are gone; the number, the author and the time stay. Backups keep what they have.

    At most as many at once as a client may delete (limits.deletes). The audit log has their numbers.
    """
    confirm(f"Delete in the room {room_id}, for good: {_listed(ranges)}?", yes=yes)
    (done,) = collect(config, requests.DeleteMessages(room_id, ranges), MessagesDeleted)
    if as_json:
        print_record(done, as_json=True)
    else:
        texts = {name: _as_ranges(ids) for name, ids in fields_of(done).items() if name != "room_id" and ids}
        print_fields({"room_id": room_id} | texts)
    _fail_if_missing(room_id, done.missing)


def _print_message(message: MessageRecord) -> None:
    fields: dict[str, object] = {
        "message_id": message.message_id,
        "author": f"{message.username or 'deleted user'} ({message.user_id})",
        "posted_at": message.timestamp,
        "edited_at": message.edited_at,
        "deleted_by": message.deleted,
        "reply_to": message.reply_to,
        "mentions": ["everyone"] if message.mention_room else message.mentions,
        "reactions": [f"{each.emoji} {each.count}" for each in message.reactions],
        "pinned_at": message.pinned_at,
        "pinned_by": message.pinned_by,
    }
    print_fields({name: value for name, value in fields.items() if value})
    for line in message.content.splitlines():
        click.echo(_INDENT + printable(line))


def _fail_if_missing(room_id: str, message_ids: Sequence[int]) -> None:
    if message_ids:
        exit_status.fail(exit_status.NOT_FOUND, f"not in the room {printable(room_id)}: {_as_ranges(message_ids)}")


def _as_ranges(message_ids: Sequence[int]) -> str:
    """Ids that are in order, for a person: 7, 120-140."""
    ranges: list[tuple[int, int]] = []
    for message_id in message_ids:
        if ranges and message_id == ranges[-1][1] + 1:
            ranges[-1] = ranges[-1][0], message_id
        else:
            ranges.append((message_id, message_id))
    return _listed(ranges)


def _listed(ranges: Sequence[tuple[int, int]]) -> str:
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
