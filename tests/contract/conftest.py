"""The app as the daemon assembles it, with the documentation."""

from typing import Any

import pytest

from reichatd import contract, settings
from reichatd.contract.asyncapi import asyncapi
from reichatd.contract.openapi import openapi
from reichatd.store import Store
from tests.api.conftest import Api, make_api, store

__all__ = ["store"]

LIMITS = settings.LimitSettings(username_min=2, message_chars=77)


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
