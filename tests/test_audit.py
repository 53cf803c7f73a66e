"""The audit log."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

from reichatd.audit import with_names
from reichatd.store import AuditEntry, Store


async def test_the_names_of_many_entries_are_read_in_parts() -> None:
    parts: list[int] = []

    async def by_ids(user_ids: Sequence[str]) -> list[None]:
        parts.append(len(user_ids))
        return [None] * len(user_ids)

    entries = [AuditEntry(number, 1.0, "kicked", f"by{number}", f"user{number}") for number in range(500)]
    named = await with_names(cast("Store", SimpleNamespace(users=SimpleNamespace(by_ids=by_ids))), entries)
    assert [each.entry for each in named] == entries
    assert sum(parts) == 1000
    assert max(parts) <= 500, "a longer read makes all others wait"
