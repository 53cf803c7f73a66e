"""The audit log, for administrators."""

import time
from collections.abc import Sequence
from itertools import takewhile

import trio
from msgspec.structs import asdict, replace

from reichatd.administration import requests
from reichatd.administration.records import AuditRecord, CaughtUp, Emit
from reichatd.administration.users import UserAdministration
from reichatd.audit import NamedEntry, with_names
from reichatd.store import AuditEntry, AuditFilter, Store
from reichatd.timestamps import isoformat

_PAGE = 500
_FOLLOW_SECONDS = 1.0
"""How often a follower looks for new entries: other daemons on the same store write them, too."""

_SETTLE_SECONDS = 2.0
"""For so long an entry with a lower number may still appear, if several daemons, or threads, write entries at once."""


async def show_audit(store: Store, users: UserAdministration, request: requests.ReadAudit, emit: Emit) -> None:
    """Emits the entries that were asked for, oldest first. With `follow` it ends only when it is cancelled."""
    user_id = await users.id_of(request.user)
    chosen = AuditFilter(since=request.since, user_id=user_id, room_id=request.room_id)
    while True:
        page = await store.audit.page(chosen, _PAGE)
        if request.follow and store.messages.shared:
            page = settled(page, time.time())
        for named in await with_names(store, page):
            await emit(_record(named))
        if page:
            chosen = replace(chosen, after=page[-1].number)
        if len(page) < _PAGE:
            if not request.follow:
                return
            await emit(CaughtUp())
            await trio.sleep(_FOLLOW_SECONDS)


def settled(entries: Sequence[AuditEntry], now: float) -> list[AuditEntry]:
    """The first entries, up to one that is so new that an entry before it may not be there yet."""
    return list(takewhile(lambda entry: entry.at <= now - _SETTLE_SECONDS, entries))


def _record(named: NamedEntry) -> AuditRecord:
    fields = asdict(named.entry)
    fields["at"] = isoformat(named.entry.at)
    return AuditRecord(actor_name=named.actor_name, username=named.username, **fields)
