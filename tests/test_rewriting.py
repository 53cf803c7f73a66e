"""When the store's file is rewritten."""

import time
from pathlib import Path

from msgspec.structs import replace

from reichatd.rewriting import Rewriting
from reichatd.settings import StorageSettings
from reichatd.store import Delete, Store
from reichatd.store.sqlite import open_store
from tests.store.samples import change, post, room

AT_FOUR = time.mktime((2026, 11, 28, 4, 30, 0, 0, 0, -1))
HOUR = 3600.0


async def is_due(store: Store) -> bool:
    """Whether there is something to rewrite. If so, it is rewritten."""
    return await store.erasures.rewrite(10**12)


async def test_a_file_is_rewritten_in_the_hour_that_the_settings_name_and_only_after_changes(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "data")
    await store.rooms.create(room())
    await store.messages.commit([post("one"), post("two")], {})
    settings = StorageSettings(rewrite_hour=4)

    await Rewriting(store, settings, lambda: AT_FOUR).apply()
    assert not await is_due(store)
    for number, (rewriting, is_left) in enumerate(
        [
            (Rewriting(store, settings, lambda: AT_FOUR + HOUR), True),
            (Rewriting(store, replace(settings, rewrite_mib=0), lambda: AT_FOUR), True),
            (Rewriting(store, settings, lambda: AT_FOUR), False),
        ]
    ):
        await store.messages.commit([post(f"three {number}")], {})
        await change(store, Delete("lobby", "ann", (3 + number,), 2.0))
        await rewriting.apply()
        assert await is_due(store) is is_left
    await store.aclose()
