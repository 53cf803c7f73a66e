"""Registration, login and logout."""

import structlog
from quart import Blueprint, Response, request

from reichatd.api.answers import answer
from reichatd.api.requests import bearer_token, body_of, caller
from reichatd.api.services import accounts
from reichatd.api.types import AccessToken, LoggedIn, LoggingIn, Refreshed, Registering, Ticket, Tokens, Verifying
from reichatd.errors import InvalidPassword, UserNotFound

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
blueprint = Blueprint("accounts", __name__)


@blueprint.post("/register")
async def register() -> Response:
    body = await body_of(Registering)
    await accounts().register(body.email, body.password, body.username)
    return answer(status=201)


@blueprint.post("/verify")
async def verify() -> Response:
    body = await body_of(Verifying)
    await accounts().verify(body.email, body.code)
    return answer()


@blueprint.post("/login")
async def login() -> Response:
    body = await body_of(LoggingIn)
    try:
        made = await accounts().login(body.email, body.password)
    except (UserNotFound, InvalidPassword) as refusal:
        # etc/fail2ban reads this line. Nothing in it is the client's own words.
        log.info("login refused", client=request.remote_addr, reason=refusal.code)
        raise
    return answer(LoggedIn(tokens=Tokens(made.access_token, made.refresh_token), user_id=made.user_id))


@blueprint.get("/refresh")
async def refresh() -> Response:
    return answer(Refreshed(tokens=AccessToken(await accounts().refresh(bearer_token()))))


@blueprint.post("/logout")
async def logout() -> Response:
    await accounts().logout(bearer_token())
    return answer()


@blueprint.post("/ws/ticket")
async def ticket() -> Response:
    made = accounts().ticket(await caller())
    return answer(Ticket(ticket=made.ticket, expires_in=made.expires_in), 201)
