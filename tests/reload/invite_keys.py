"""Proofs for the keys of invitations and of the audit log."""

import time
from pathlib import Path

from reichatd.audit import Event, expire
from reichatd.errors import InvalidFields, TooManyInvites
from reichatd.rights import UserActor
from reichatd.store import AuditEntry, AuditFilter
from tests.reload.proofs import proves
from tests.reload.running_parts import ROOM, RunningParts, running_parts

ADA = UserActor("ada", "")
DAY = 86_400.0


@proves("auth.registration")
async def who_may_register(directory: Path, key: str) -> None:
    body = {"email": "eve@example.org", "password": "a good password", "username": "eve"}
    async with running_parts(directory) as running:
        assert (await running.call("GET", "/about")).json()["registration"] == "open"
        running.reload(key, "closed")
        assert (await running.call("GET", "/about")).json()["registration"] == "closed"
        assert (await running.call("POST", "/register", json=body)).json()["code"] == "registration_closed"


@proves("limits.invites_per_room", "limits.invite_days", "limits.invite_days_max")
async def a_limit_of_invitations(directory: Path, key: str) -> None:
    async def outcome(running: RunningParts) -> str:
        """Whether two invitations can be made, and how long the second one is valid."""
        invites = running.parts.invites
        try:
            await invites.create(ADA, ROOM, uses=None, days=100)
            made = await invites.create(ADA, ROOM, uses=None, days=None)
        except (TooManyInvites, InvalidFields) as error:
            return error.code
        return f"{(made.invite.expires_at - made.invite.created_at) / DAY:g}"

    new, wanted = {
        "limits.invites_per_room": (1, "too_many_invites"),
        "limits.invite_days": (9, "9"),
        "limits.invite_days_max": (50, "invalid_fields"),
    }[key]
    async with running_parts(directory) as running:
        assert await outcome(running) == "7"
        running.reload(key, new)
        assert await outcome(running) == wanted


@proves("audit.days", "audit.address_days")
async def how_long_the_audit_log_is_kept(directory: Path, key: str) -> None:
    async with running_parts(directory) as running:
        audit = running.parts.store.audit
        entry = AuditEntry(0, time.time() - 10 * DAY, Event.KICKED, "ada", room_id="old", address="192.0.2.1")
        await audit.add(entry)

        async def left() -> list[str]:
            await expire(audit, running.parts.settings.audit)
            return [one.address for one in await audit.page(AuditFilter(room_id="old"), 9)]

        assert await left() == ["192.0.2.1"]
        running.reload(key, 9)
        assert await left() == ([] if key == "audit.days" else [""])
