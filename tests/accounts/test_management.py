"""User management is for administrators only; what it does is tested with their requests (tests/administration)."""

from collections.abc import Awaitable, Callable

import pytest

from reichatd.accounts import Passwords, UserManagement
from reichatd.errors import Forbidden
from reichatd.rights import UserActor
from reichatd.settings import LiveSettings, Settings
from reichatd.store import Store
from tests.accounts.conftest import CHEAP
from tests.recording import RecordingLive
from tests.store.samples import registration

ANN = UserActor("ann", "session of ann")

CALLS: dict[str, Callable[[UserManagement], Awaitable[object]]] = {
    "add": lambda users: users.add(ANN, "eve@example.org", "correct horse", "eve"),
    "confirm": lambda users: users.confirm(ANN, registration()),
    "set_password": lambda users: users.set_password(ANN, "ann", "correct horse"),
    "disable": lambda users: users.disable(ANN, "ann"),
    "enable": lambda users: users.enable(ANN, "ann"),
    "log_out": lambda users: users.log_out(ANN, "ann"),
    "remove_second_factor": lambda users: users.remove_second_factor(ANN, "ann"),
    "delete": lambda users: users.delete(ANN, "ann"),
}


def test_every_use_case_is_tried() -> None:
    assert set(CALLS) == {name for name in vars(UserManagement) if not name.startswith("_")}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
async def test_a_user_may_not_manage_users(store: Store, call: Callable[[UserManagement], Awaitable[object]]) -> None:
    """Not even their own account: a session is not enough to change a password or to delete the account."""
    live = RecordingLive()
    await store.users.register(registration(), 5)
    users = UserManagement(store=store, passwords=Passwords(CHEAP), settings=LiveSettings(Settings()), live=live)
    with pytest.raises(Forbidden):
        await call(users)
    assert live.calls == []
    assert await store.users.page("", 9) == []
