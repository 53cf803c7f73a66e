"""Who may register, and with which invitation."""

import msgspec
import pytest

from reichatd.accounts.invites import invite_url
from reichatd.errors import InvalidCode, InviteNotFound, RateLimited, RegistrationClosed, RoomNotFound, TooManyInvites
from reichatd.settings import AuthSettings, LimitSettings, Settings
from reichatd.settings.server import ServerSettings
from reichatd.store import Room, Store
from tests.accounts.conftest import Harness, wrong
from tests.store.samples import add_user
from tests.unlimited import CLIENT

DAY = 86_400.0


def set_mode(harness: Harness, mode: str) -> None:
    auth = msgspec.convert({"registration": mode}, AuthSettings)
    harness.settings.replace(msgspec.structs.replace(harness.settings.whole, auth=auth))


async def register(harness: Harness, invite: str | None = None, name: str = "eve") -> None:
    await harness.registrations.register(f"{name}@example.org", "correct horse", name, client=CLIENT, invite=invite)


async def verify(harness: Harness, name: str = "eve", code: str = "") -> None:
    await harness.registrations.verify(f"{name}@example.org", code or await harness.code(), client=CLIENT)


async def rooms_of(store: Store, name: str = "eve") -> list[str]:
    user = await store.users.by_email(f"{name}@example.org")
    assert user is not None
    return [room.room_id for room in await store.rooms.joined_summaries(user.user_id)]


async def open_room(store: Store, owner: str = "ann", room_id: str = "den") -> None:
    for name in (owner, "mod"):
        await add_user(store, name)
    assert await store.rooms.create(Room(room_id, "Den", "", owner, "secret", 1.5, (owner, "mod", "bob")))
    assert await store.members.set_moderator(room_id, "mod", True)


async def invite(harness: Harness, room_id: str = "", by: str = "", uses: int | None = 1) -> str:
    return (await harness.accounts.invites.create(room_id, by, uses=uses)).token


async def test_without_an_invitation_only_open_registration_lets_one_in(harness: Harness) -> None:
    await register(harness)
    for mode, text in (("invite", "Registration needs an invitation"), ("closed", "Registration is closed")):
        set_mode(harness, mode)
        for nothing in (None, ""):
            with pytest.raises(RegistrationClosed) as caught:
                await register(harness, nothing)
            assert caught.value.message == text
    assert len(await harness.codes()) == 1, "a refused registration sends no mail"
    await verify(harness)  # it was allowed when it was made


@pytest.mark.parametrize("mode", ["open", "invite"])
async def test_an_invitation_opens_registration_and_its_room(harness: Harness, store: Store, mode: str) -> None:
    await open_room(store)
    set_mode(harness, mode)
    token = await invite(harness, "den", "ann")
    await register(harness, token)
    await register(harness, token, "fay")
    await verify(harness, "fay")
    assert await rooms_of(store, "fay") == ["den"]
    with pytest.raises(InviteNotFound):
        await register(harness, token, "gus")


async def test_closed_registration_needs_an_invitation_by_an_administrator(harness: Harness, store: Store) -> None:
    await open_room(store)
    set_mode(harness, "closed")
    with pytest.raises(RegistrationClosed):
        await register(harness, await invite(harness, "den", "ann"))
    await register(harness, await invite(harness, "den"))
    await verify(harness)
    assert await rooms_of(store) == ["den"]
    await register(harness, await invite(harness), "fay")
    await verify(harness, "fay")
    assert await rooms_of(store, "fay") == []


async def test_the_last_use_goes_to_the_first_who_confirms(harness: Harness, store: Store) -> None:
    set_mode(harness, "invite")
    token = await invite(harness)
    for name in ("eve", "fay"):
        await register(harness, token, name)
    eves, fays = await harness.codes()
    await verify(harness, "fay", fays)
    with pytest.raises(InvalidCode):
        await verify(harness, "eve", wrong(eves))
    with pytest.raises(InviteNotFound):
        await verify(harness, "eve", eves)
    assert await store.users.by_email("eve@example.org") is None
    set_mode(harness, "open")
    await verify(harness, "eve", eves)
    assert await store.users.by_email("eve@example.org")


async def test_a_repeated_confirmation_uses_up_one_use(harness: Harness, store: Store) -> None:
    await open_room(store)
    set_mode(harness, "invite")
    token = await invite(harness, "den", "ann", uses=2)
    await register(harness, token)
    for _ in range(3):
        await verify(harness)
    (left,) = await store.invites.of_room("den")
    assert left.uses_left == 1


async def test_an_invitation_is_worth_what_its_creator_may_do(harness: Harness, store: Store) -> None:
    await open_room(store)
    find = harness.accounts.invites.find
    tokens = {by: await invite(harness, "den", by) for by in ("ann", "mod", "")}
    for token in tokens.values():
        await find(token, client=CLIENT)
    await store.members.set_moderator("den", "mod", False)
    await store.rooms.transfer("den", "bob")
    for by in ("mod", "ann"):
        with pytest.raises(InviteNotFound):
            await find(tokens[by], client=CLIENT)
    assert [one.created_by for one in await harness.accounts.invites.valid("den")] == [""]


@pytest.mark.parametrize("mode", ["open", "invite"])
async def test_an_invitation_opens_nothing_once_its_creator_may_not_invite(
    harness: Harness, store: Store, mode: str
) -> None:
    """The creator loses the right after the registration, before the code is entered."""
    await open_room(store)
    set_mode(harness, mode)
    token = await invite(harness, "den", "mod")
    await register(harness, token)
    await store.members.set_moderator("den", "mod", False)
    if mode == "open":
        await verify(harness)
        assert await rooms_of(store) == []
    else:
        with pytest.raises(InviteNotFound):
            await verify(harness)
        assert await store.users.by_email("eve@example.org") is None
    (left,) = await store.invites.of_room("den")
    assert left.uses_left == 1


async def test_an_invitation_by_a_disabled_or_deleted_user_is_worth_nothing(harness: Harness, store: Store) -> None:
    await open_room(store)
    token = await invite(harness, "den", "ann")
    await store.users.disable("ann")
    with pytest.raises(InviteNotFound):
        await harness.accounts.invites.find(token, client=CLIENT)
    await store.users.enable("ann")
    await harness.accounts.invites.find(token, client=CLIENT)
    await store.users.delete("ann")
    with pytest.raises(InviteNotFound):
        await harness.accounts.invites.find(token, client=CLIENT)


async def test_an_invitation_expires_and_is_removed(harness: Harness, store: Store) -> None:
    token = await invite(harness)
    harness.now += 7 * DAY - 1
    await harness.accounts.delete_expired()
    await harness.accounts.invites.find(token, client=CLIENT)
    harness.now += 1
    with pytest.raises(InviteNotFound):
        await harness.accounts.invites.find(token, client=CLIENT)
    await harness.accounts.delete_expired()
    assert await store.invites.of_room("") == []


async def test_a_room_has_so_many_invitations_of_users_and_any_number_of_administrators(
    harness: Harness, store: Store
) -> None:
    limits = msgspec.structs.replace(harness.settings.limits, invites_per_room=2)
    harness.settings.replace(msgspec.structs.replace(harness.settings.whole, limits=limits))
    await open_room(store)
    for _ in range(2):
        await invite(harness, "den", "ann")
    with pytest.raises(TooManyInvites):
        await invite(harness, "den", "ann")
    await invite(harness, "den")
    with pytest.raises(RoomNotFound):
        await invite(harness, "nowhere", "ann")


async def test_wrong_tokens_are_limited_and_right_ones_are_not(store: Store, harness: Harness) -> None:
    token = await invite(harness)
    harness.settings.replace(Settings(limits=LimitSettings(guesses_per_client=3)))
    for _ in range(5):
        await harness.accounts.invites.find(token, client=CLIENT)
    for _ in range(3):
        with pytest.raises(InviteNotFound):
            await harness.accounts.invites.find(f"{token}x", client=CLIENT)
    with pytest.raises(RateLimited):
        await harness.accounts.invites.find(token, client=CLIENT)
    await harness.accounts.invites.find(token, client="198.51.100.1")


async def test_only_a_hash_of_the_token_is_stored(harness: Harness, store: Store) -> None:
    token = await invite(harness)
    (stored,) = await store.invites.of_room("")
    assert len(token) == 22
    assert token not in repr(stored)


async def test_the_invitation_for_the_first_account(harness: Harness, store: Store) -> None:
    first = harness.accounts.invites.first
    assert await first() is None, "anyone may register"
    set_mode(harness, "closed")
    earlier, made = await first(), await first()
    assert earlier is not None
    assert made is not None
    with pytest.raises(InviteNotFound):
        await register(harness, earlier.token)
    await register(harness, made.token)
    await verify(harness)
    assert await first() is None


async def test_the_invitation_for_the_first_account_ends_once_there_is_another_account(
    harness: Harness, store: Store
) -> None:
    set_mode(harness, "closed")
    made = await harness.accounts.invites.first()
    assert made is not None
    await add_user(store, "ann")
    assert await harness.accounts.invites.first() is None
    with pytest.raises(InviteNotFound):
        await register(harness, made.token)


@pytest.mark.parametrize(
    ("server", "base", "url"),
    [
        (ServerSettings(public_url="https://example.org/chat/"), "x", "https://example.org/chat/#/invite/T"),
        (ServerSettings(), "https://chat.example.org", "https://chat.example.org/#/invite/T"),
        (ServerSettings(host="::1", port=81), "", "http://[::1]:81/#/invite/T"),
        (ServerSettings(host=("0.0.0.0", "::"), tls_cert="c"), "", "https://localhost:8000/#/invite/T"),
        (ServerSettings(host="unix:/run/x.sock"), "", "http://localhost/#/invite/T"),
    ],
)
def test_the_link(server: ServerSettings, base: str, url: str) -> None:
    assert invite_url(server, "T", base=base) == url
