"""An administrator's request and a REST call go through the same use case; only who acts differs."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from reichatd import store
from reichatd.administration import Request, requests
from reichatd.administration.records import Done
from reichatd.rights import ADMINISTRATOR, UserActor
from reichatd.rooms import Rooms
from reichatd.rooms.membership import Members
from reichatd.settings import LimitSettings
from tests.administration.conftest import Admin
from tests.api.conftest import PASSWORD, Api, Someone, make_api


@pytest.fixture
def api(admin: Admin) -> Api:
    """On the same store."""
    return make_api(admin.store, LimitSettings())


@pytest.fixture
async def people(admin: Admin, api: Api) -> tuple[Someone, Someone]:
    """ann, who owns "lobby", and bob, a member of it."""
    for name in ("ann", "bob"):
        await admin.add(name)
    ann, bob = [await api.login(f"{name}@example.org", PASSWORD) for name in ("ann", "bob")]
    await admin.open("lobby", ann.user_id, bob.user_id)
    return ann, bob


def spy_on(monkeypatch: pytest.MonkeyPatch, part: type[Rooms] | type[Members], name: str) -> list[tuple[object, ...]]:
    """Records the arguments of all calls of this use case."""
    calls: list[tuple[object, ...]] = []
    real = getattr(part, name)

    def recorded(self: object, *args: object, **options: object) -> object:
        calls.append(args)
        return real(self, *args, **options)

    monkeypatch.setattr(part, name, recorded)
    return calls


EXCLUSIONS: dict[str, Callable[[str, str], Request]] = {
    "kick": requests.KickMember,
    "ban": requests.BanUser,
    "unban": requests.UnbanUser,
}


@pytest.mark.parametrize("name", EXCLUSIONS)
async def test_exclusions(
    admin: Admin, api: Api, people: tuple[Someone, Someone], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    ann, bob = people
    if name == "unban":
        await admin.store.rooms.ban("lobby", bob.user_id)
    calls = spy_on(monkeypatch, Members, name)
    reply = await api("POST", f"/room/lobby/{name}/{bob.user_id}", by=ann)
    assert reply.status == 200
    again = await admin.refusal(EXCLUSIONS[name]("lobby", "bob@example.org"))
    assert again == (await api("POST", f"/room/lobby/{name}/{bob.user_id}", by=ann)).body["code"]
    (by_ann, *rest), (by_administrator, *same), _ = calls
    assert rest == same == ["lobby", bob.user_id]
    assert isinstance(by_ann, UserActor)
    assert by_ann.user_id == ann.user_id
    assert by_administrator == ADMINISTRATOR


async def test_create_and_delete(
    admin: Admin, api: Api, people: tuple[Someone, Someone], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, _ = people
    created, deleted = spy_on(monkeypatch, Rooms, "create"), spy_on(monkeypatch, Rooms, "delete")
    body = {"name": "Den", "description": "", "room_id": "den"}
    for _ in range(2):
        assert (await api("POST", "/room", body, by=ann)).status == 201
        assert (await api("DELETE", "/room/den", by=ann)).status == 200
        assert await admin.conclude(requests.CreateRoom("ann@example.org", "Den", room_id="den")) == Done()
        assert await admin.conclude(requests.DeleteRoom("den")) == Done()
    for calls in (created, deleted):
        first, second, third, fourth = calls
        assert first == third
        assert second == fourth == (ADMINISTRATOR, *first[1:])


@pytest.mark.parametrize(
    ("request_of", "calls"),
    [
        (partial(requests.BanUser, "lobby"), ["rooms.head", "users.by_id", "rooms.ban"]),
        (partial(requests.KickMember, "lobby"), ["rooms.head", "rooms.kick"]),
        (partial(requests.TransferRoom, "lobby"), ["users.by_id", "rooms.transfer"]),
        (lambda _: requests.DeleteRoom("lobby"), ["messages.last_id", "rooms.delete", "messages.sweep"]),
    ],
    ids=["ban", "kick", "transfer", "delete"],
)
async def test_an_administrator_reads_nothing_twice(
    admin: Admin, people: tuple[Someone, Someone], request_of: Callable[[str], Request], calls: list[str]
) -> None:
    seen: list[str] = []
    for part in ("users", "rooms", "messages"):
        setattr(admin.store, part, RecordingPart(getattr(admin.store, part), part, seen))
    assert await admin.conclude(request_of(people[1].user_id)) == Done()
    assert seen == calls


class RecordingPart:
    """A part of a store that records which of its methods are called."""

    def __init__(self, part: object, name: str, seen: list[str]) -> None:
        self._part = part
        self._name = name
        self._seen = seen

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        self._seen.append(f"{self._name}.{method}")
        real: Callable[..., Awaitable[Any]] = getattr(self._part, method)
        return real


@pytest.mark.parametrize("request_of", EXCLUSIONS.values(), ids=EXCLUSIONS.keys())
async def test_an_unknown_room_is_reported_first_then_an_unknown_user(
    admin: Admin, people: tuple[Someone, Someone], request_of: Callable[[str, str], Request]
) -> None:
    ann, _ = people
    for name in ("nobody", "nobody@example.org"):
        assert await admin.refusal(request_of("attic", name)) == "room_not_found"
        assert await admin.refusal(request_of("lobby", name)) == "user_not_found"
    assert await admin.refusal(request_of("lobby", "ann@example.org")) == "yourself"
    assert await admin.refusal(request_of("attic", ann.user_id)) == "room_not_found"


async def test_a_deleted_owner_is_known_only_as_a_member(admin: Admin) -> None:
    """An import may leave such rooms."""
    for room_id, users in (("lobby", ("ghost",)), ("attic", ())):
        room = store.Room(room_id, "A room", "", "ghost", None, 1.0, users)
        assert await admin.store.rooms.create(room)
    assert await admin.refusal(requests.KickMember("lobby", "ghost")) == "yourself"
    assert await admin.refusal(requests.KickMember("attic", "ghost")) == "user_not_found"


async def test_a_room_transferred_meanwhile_is_not_deleted_with_its_former_owner(
    admin: Admin, people: tuple[Someone, Someone], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = people
    disable = admin.store.users.disable

    async def transfer_after(user_id: str) -> list[str] | None:
        ended = await disable(user_id)
        monkeypatch.setattr(admin.store.rooms, "owned", stale)
        await admin.store.rooms.transfer("lobby", bob.user_id)
        return ended

    async def stale(_: str) -> list[str]:
        return ["lobby"]

    monkeypatch.setattr(admin.store.users, "disable", transfer_after)
    assert await admin.conclude(requests.DeleteUser(ann.user_id, delete_rooms=True)) == Done()
    room = await admin.store.rooms.get("lobby")
    assert room is not None
    assert room.owner == bob.user_id
