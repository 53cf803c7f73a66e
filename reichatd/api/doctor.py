"""What `reichatd doctor` asks the daemon; only for holders of its secret, since the answer shows internals."""

import resource
from typing import Any, cast

from quart import Blueprint, Response, request

from reichatd.api.answers import answer
from reichatd.api.operations import Token, operation
from reichatd.api.requests import bearer_token
from reichatd.api.services import accounts
from reichatd.api.types import Seen
from reichatd.errors import Unauthorized

blueprint = Blueprint("doctor", __name__)


@blueprint.get("/doctor")
@operation(Seen, token=Token.OPERATOR)
async def seen() -> Response:
    """Shows the operator how a request arrives here; used by `reichatd doctor`."""
    if not accounts().sessions.is_operator(bearer_token()):
        raise Unauthorized
    client = request.remote_addr or ""
    # The gateway sets this only if it trusts proxies; without trusted proxies the peer is the client.
    peer = cast("dict[str, Any]", request.scope).get("reichatd.peer", client)
    forwarded_for = ", ".join(request.headers.getlist("X-Forwarded-For"))
    open_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    host = request.headers.get("Host", "")
    return answer(Seen(peer=peer, client=client, host=host, forwarded_for=forwarded_for, open_files=open_files))
