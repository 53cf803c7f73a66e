"""Direct conversations, and the users that the caller has blocked."""

from quart import Blueprint, Response

from reichatd.api.answers import answer
from reichatd.api.operations import operation
from reichatd.api.requests import actor, body_of
from reichatd.api.services import accounts, rooms
from reichatd.api.types import BlockedUser, Blocks, DirectOpened, OpeningDirect
from reichatd.errors import Forbidden, RateLimited, TooManyBlocks, UserNotFound, Yourself
from reichatd.rights import Scope

blueprint = Blueprint("directs", __name__)


@blueprint.post("/direct")
@operation(
    DirectOpened,
    201,
    takes=OpeningDirect,
    scope=Scope.WRITE,
    otherwise={200: DirectOpened},
    refuses=(Yourself, Forbidden, UserNotFound, RateLimited),
)
async def open_direct() -> Response:
    """Opens the direct conversation with a user: a room of you two, in which both are members then.

    There is one for each two users: status 200 says that it existed. To each of you it has the other's name. You can leave it, as
    any room; what else is done with rooms is refused (409 `direct_room`). Who may begin one is up to the operator (`direct.from`):
    by default, members of a room that both are in. A user who has blocked you is not reached.
    """
    by = await actor()
    body = await body_of(OpeningDirect)
    opened = await rooms().directs.open(by, body.user_id)
    return answer(DirectOpened(room_id=opened.room_id), 201 if opened.is_new else 200)


@blueprint.get("/user/blocks")
@operation(Blocks, scope=Scope.READ)
async def list_blocks() -> Response:
    """Lists the users that you have blocked."""
    blocked = await accounts().blocks.of(await actor())
    return answer(Blocks(blocks=[BlockedUser(user_id=user.user_id, username=user.username) for user in blocked]))


@blueprint.put("/user/blocks/<user_id>")
@operation(refuses=(Yourself, UserNotFound, TooManyBlocks))
async def block(user_id: str) -> Response:
    """Blocks a user, who can neither begin a direct conversation with you nor post in one.

    Rooms that you both are in stay as they are.
    """
    await accounts().blocks.add(await actor(), user_id)
    return answer()


@blueprint.delete("/user/blocks/<user_id>")
@operation()
async def unblock(user_id: str) -> Response:
    """Ends a block."""
    await accounts().blocks.remove(await actor(), user_id)
    return answer()
