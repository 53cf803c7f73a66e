"""The app as the daemon assembles it, with the documentation; and three daemons in place of one."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reichatd import contract, settings
from reichatd.contract.asyncapi import asyncapi
from reichatd.contract.openapi import openapi
from reichatd.store import Store
from tests.api.conftest import Api, make_api, store
from tests.end_to_end.conftest import stored_in_mongodb
from tests.several_daemons import BalancedDaemons, balanced

__all__ = ["store"]

LIMITS = settings.LimitSettings(username_min=2, message_chars=77)

SPREAD = ("test_by_http_only", "test_the_examples_lose_no_message")
"""The tests that have three daemons, too, in each run: those with several connections, which can notice to which daemon they go.
With `--three-daemons` all have that start a daemon, which takes minutes."""

OF_ONE_DAEMON = {
    "test_frames_of_a_real_conversation": "who is typing or present is told among the clients of one daemon"
}
"""Those that several daemons cannot pass, and why."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if hasattr(metafunc.module, "running") and "tmp_path" in metafunc.fixturenames:
        name = metafunc.function.__name__
        kinds: list[object] = ["one", "three"] if name in SPREAD else ["one"]
        if metafunc.config.getoption("three_daemons"):
            reason = OF_ONE_DAEMON.get(name)
            kinds = ["three" if reason is None else pytest.param("three", marks=pytest.mark.skip(reason=reason))]
        metafunc.parametrize("daemons", kinds, indirect=True)


@pytest.fixture(autouse=True)
def daemons(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test starts is one daemon, or three on one store that look like one."""
    if getattr(request, "param", "one") == "one":
        yield
        return
    with stored_in_mongodb(request.getfixturevalue("mongod_set")) as storage:
        replacements: dict[str, Callable[..., object]] = {
            "running": lambda path, **environ: balanced(path, **storage, **environ),
            "DaemonProcess": lambda path, environ: BalancedDaemons(path, storage | environ),
        }
        for name, replacement in replacements.items():
            monkeypatch.setattr(request.module, name, replacement, raising=False)
        yield


@pytest.fixture
async def api(store: Store) -> Api:
    made = make_api(store, LIMITS)
    contract.publish(made.app, lambda: LIMITS)
    return made


@pytest.fixture
def rest(api: Api) -> dict[str, Any]:
    """The OpenAPI document."""
    return openapi(api.app, LIMITS)


@pytest.fixture
def conversation() -> dict[str, Any]:
    """The AsyncAPI document."""
    return asyncapi(LIMITS)
