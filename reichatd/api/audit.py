"""The audit log of a room."""

from quart import Blueprint, Response

from reichatd.api.answers import answer
from reichatd.api.operations import operation
from reichatd.api.requests import actor, query_of
from reichatd.api.services import rooms
from reichatd.api.types import AuditLine, AuditPage, RoomAudit
from reichatd.audit import NamedEntry
from reichatd.errors import DirectRoom, Forbidden, RoomNotFound
from reichatd.rights import Scope
from reichatd.timestamps import isoformat

blueprint = Blueprint("audit", __name__)


@blueprint.get("/room/<room_id>/audit")
@operation(RoomAudit, query=AuditPage, scope=Scope.MODERATE, refuses=(Forbidden, RoomNotFound, DirectRoom))
async def show(room_id: str) -> Response:
    """Shows who did what in a room, newest first, in pages; for its owner and moderators.

    The next page begins before the last number of this one. Entries are kept for some months (`audit.days` of the settings).
    """
    by = await actor()
    page = query_of(AuditPage)
    entries = await rooms().audit.page(by, room_id, before=page.before, at_most=page.limit)
    return answer(RoomAudit(entries=[_line(entry) for entry in entries]))


def _line(named: NamedEntry) -> AuditLine:
    entry = named.entry
    return AuditLine(
        number=entry.number,
        at=isoformat(entry.at),
        event=entry.event,
        actor=entry.actor,
        actor_name=named.actor_name,
        user_id=entry.user_id,
        username=named.username,
        detail=entry.detail,
    )
