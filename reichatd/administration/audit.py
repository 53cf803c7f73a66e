"""The audit log, for administrators."""

import trio
from msgspec.structs import asdict, replace

from reichatd.administration import requests
from reichatd.administration.records import AuditRecord, CaughtUp, Emit
from reichatd.administration.users import UserAdministration
from reichatd.audit import NamedEntry, with_names
from reichatd.store import AuditFilter, Store
from reichatd.timestamps import isoformat

_PAGE = 500
_FOLLOW_SECONDS = 1.0
"""How often a follower looks for new entries: other daemons on the same store write them, too."""


async def show_audit(store: Store, users: UserAdministration, request: requests.ReadAudit, emit: Emit) -> None:
    """Emits the entries that were asked for, oldest first. With `follow` it ends only when it is cancelled."""
    user_id = await users.id_of(request.user)
    chosen = AuditFilter(since=request.since, user_id=user_id, room_id=request.room_id)
    while True:
        page = await store.audit.page(chosen, _PAGE)
        for named in await with_names(store, page):
            await emit(_record(named))
        if page:
            chosen = replace(chosen, after=page[-1].number)
        if len(page) < _PAGE:
            if not request.follow:
                return
            await emit(CaughtUp())
            await trio.sleep(_FOLLOW_SECONDS)


def _record(named: NamedEntry) -> AuditRecord:
    fields = asdict(named.entry)
    fields["at"] = isoformat(named.entry.at)
    return AuditRecord(actor_name=named.actor_name, username=named.username, **fields)
