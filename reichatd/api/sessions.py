"""The caller's login sessions."""

from quart import Blueprint, Response

from reichatd.api.answers import answer
from reichatd.api.operations import operation
from reichatd.api.requests import caller, client_address
from reichatd.api.services import accounts
from reichatd.api.types import LoginSession, LoginSessions
from reichatd.errors import SessionNotFound
from reichatd.timestamps import isoformat

blueprint = Blueprint("sessions", __name__, url_prefix="/sessions")


@blueprint.get("")
@operation(LoginSessions)
async def show() -> Response:
    """Lists your login sessions, oldest first.

    `used_at` is right to within some minutes.
    """
    identity = await caller()
    sessions = [
        LoginSession(
            session_id=session.session_id,
            device=session.device,
            address=session.address,
            created_at=isoformat(session.created_at),
            used_at=isoformat(max(session.used_at, session.created_at)),
            current=session.session_id == identity.session.session_id,
        )
        for session in await accounts().session_list.of(identity)
    ]
    return answer(LoginSessions(sessions=sessions))


@blueprint.delete("")
@operation()
async def end_others() -> Response:
    """Ends all your login sessions but this one, and closes their sockets with 4001."""
    await accounts().session_list.end_others(await caller(), client=client_address())
    return answer()


@blueprint.delete("/<session_id>")
@operation(refuses=(SessionNotFound,))
async def end(session_id: str) -> Response:
    """Ends one of your login sessions, and closes its sockets with 4001."""
    await accounts().session_list.end(await caller(), session_id, client=client_address())
    return answer()
