"""The user's own tokens for programs."""

from quart import Blueprint, Response

from reichatd import store
from reichatd.accounts import NEVER
from reichatd.api.answers import answer
from reichatd.api.operations import operation
from reichatd.api.requests import body_of, caller, client_address
from reichatd.api.services import accounts
from reichatd.api.types import CreatingToken, ProgramTokens, TokenCreated, TokenInList
from reichatd.errors import Forbidden, InvalidFields, RoomNotFound, TokenNotFound, TooManyTokens
from reichatd.rights import Scope
from reichatd.timestamps import isoformat

blueprint = Blueprint("tokens", __name__, url_prefix="/user/tokens")


@blueprint.get("")
@operation(ProgramTokens)
async def list_own() -> Response:
    """Lists your tokens for programs, oldest first."""
    found = await accounts().program_access.of(await caller())
    return answer(ProgramTokens(tokens=[_in_list(token) for token in found]))


@blueprint.post("")
@operation(TokenCreated, 201, takes=CreatingToken, refuses=(InvalidFields, Forbidden, RoomNotFound, TooManyTokens))
async def create() -> Response:
    """Makes a token for a program.

    The program sends it as Bearer, in place of an access token, here and to the WebSocket. It acts as you, within its scopes and
    rooms. What concerns your account, such as passwords, sessions and tokens, no such token can do. It stays valid when you change
    your password, and ends when the password is reset. How many you may have is limited.
    """
    identity = await caller()
    body = await body_of(CreatingToken)
    scopes = [Scope(scope) for scope in body.scopes]
    made, token = await accounts().program_access.create(
        identity, body.name, scopes, body.rooms, body.days, client=client_address()
    )
    return answer(TokenCreated(token_id=made.session_id, token=token), 201)


@blueprint.delete("/<token_id>")
@operation(refuses=(TokenNotFound,))
async def delete(token_id: str) -> Response:
    """Deletes a token; its sockets are closed with 4001."""
    await accounts().program_access.delete(await caller(), token_id, client=client_address())
    return answer()


def _in_list(token: store.Session) -> TokenInList:
    return TokenInList(
        token_id=token.session_id,
        name=token.token_name or "",
        scopes=[scope.value for scope in Scope if scope.value in token.scopes.split()],
        created_at=isoformat(token.created_at),
        rooms=None if token.rooms is None else token.rooms.split(),
        used_at=isoformat(token.used_at) if token.used_at else None,
        expires_at=isoformat(token.expires_at) if token.expires_at < NEVER else None,
    )
