"""Each key that is declared as reloadable changes what the running daemon does."""

from pathlib import Path

import pytest

from reichatd.settings import Reload, reload_of
from reichatd.settings.keys import KEYS
from tests.reload import (  # noqa: F401 - each registers its proofs
    change_keys,
    chat_keys,
    connection_keys,
    follower_keys,
    invite_keys,
    news_keys,
    people_keys,
    process_keys,
    store_event_keys,
)
from tests.reload.proofs import PROOFS


@pytest.mark.usefixtures("restored_logs")
@pytest.mark.parametrize("key", [key for key in KEYS if reload_of(key) is not Reload.NEEDS_RESTART])
async def test_a_reload_applies_the_key(key: str, tmp_path: Path) -> None:
    await PROOFS[key](tmp_path, key)


def test_all_other_keys_need_a_restart() -> None:
    assert {reload_of(key) for key in KEYS if key not in PROOFS} == {Reload.NEEDS_RESTART}
