"""Users: the caller and others."""

from quart import Blueprint, Response

from reichatd import store
from reichatd.api.answers import answer
from reichatd.api.operations import operation
from reichatd.api.requests import body_of, caller, client_address
from reichatd.api.room_list import in_short
from reichatd.api.services import accounts, rooms
from reichatd.api.types import ChangingPassword, Oneself, Renaming, SomeUser, UserDetails
from reichatd.errors import Invalid, InvalidFields, InvalidPassword, RateLimited, UserNotFound
from reichatd.rights import Scope

blueprint = Blueprint("users", __name__, url_prefix="/user")


@blueprint.get("")
@operation(Oneself, scope=Scope.READ)
async def show_oneself() -> Response:
    """Shows you, and the rooms that you have joined."""
    identity = await caller()
    user = identity.user
    joined = await rooms().joined_summaries(identity.actor)
    return answer(Oneself(user_id=user.user_id, user_details=details(user), rooms=in_short(joined)))


@blueprint.get("/<user_id>")
@operation(SomeUser, scope=Scope.READ, refuses=(UserNotFound,))
async def show(user_id: str) -> Response:
    """Shows a user.

    The address is there as `privacy.emails` allows: by default if you share a room. Otherwise it is `""`.
    """
    by = (await caller()).actor
    return answer(SomeUser(user_details=details(await accounts().profiles.seen_by(by, user_id))))


@blueprint.put("/username")
@operation(takes=Renaming, refuses=(InvalidFields,))
async def rename() -> Response:
    """Changes the user name.

    From now on all your messages are shown under the new name, also old ones.
    """
    identity = await caller()
    body = await body_of(Renaming)
    await accounts().profiles.rename(identity, body.username, client=client_address())
    return answer()


@blueprint.put("/password")
@operation(takes=ChangingPassword, refuses=(InvalidPassword, InvalidFields, Invalid, RateLimited))
async def change_password() -> Response:
    """Changes the password; all your other login sessions end.

    The new password must differ from the old one.
    """
    identity = await caller()
    body = await body_of(ChangingPassword)
    await accounts().profiles.change_password(identity, body.password, body.new_password, client=client_address())
    return answer()


def details(user: store.User) -> UserDetails:
    return UserDetails(email=user.email, username=user.username)
