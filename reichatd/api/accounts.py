"""Registration, login and logout."""

import structlog
from quart import Blueprint, Response

from reichatd.api.answers import answer
from reichatd.api.operations import Token, operation
from reichatd.api.requests import bearer_token, body_of, caller, client_address, device
from reichatd.api.services import accounts
from reichatd.api.types import (
    AccessToken,
    ForgettingPassword,
    LoggedIn,
    LoggingIn,
    Refreshed,
    Registering,
    ResettingPassword,
    Rotated,
    Ticket,
    Tokens,
    Verifying,
)
from reichatd.errors import (
    InvalidCode,
    InvalidFields,
    InvalidPassword,
    InviteNotFound,
    RateLimited,
    RegistrationClosed,
    TotpRequired,
    UserDisabled,
    UserExists,
    UserNotFound,
    VerificationNotFound,
)
from reichatd.rights import Scope

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
blueprint = Blueprint("accounts", __name__)


@blueprint.post("/register")
@operation(
    status=201,
    takes=Registering,
    token=Token.NONE,
    refuses=(InvalidFields, RegistrationClosed, InviteNotFound, UserExists, RateLimited),
)
async def register() -> Response:
    """Registers an e-mail address.

    A code is sent there by mail; `POST /verify` takes it. Registering again before that sends another code. Each code confirms only
    the registration that it was sent for, with its password and name. How many mails a client may cause, and an address gets, is
    limited.

    `GET /about` says who may register. With `invite`, the token of an invitation, you also become a member of its room.
    """
    body = await body_of(Registering)
    await accounts().registrations.register(
        body.email, body.password, body.username, client=client_address(), invite=body.invite
    )
    return answer(status=201)


@blueprint.post("/verify")
@operation(takes=Verifying, token=Token.NONE, refuses=(InvalidCode, VerificationNotFound, InviteNotFound, RateLimited))
async def verify() -> Response:
    """Completes a registration with the code that came by mail.

    The code is valid for a few minutes; after that the address must be registered again. An address has a few tries in that time,
    for all its registrations together. A call that is repeated because its answer was lost succeeds again.
    """
    body = await body_of(Verifying)
    await accounts().registrations.verify(body.email, body.code, client=client_address())
    return answer()


@blueprint.post("/login")
@operation(
    LoggedIn,
    takes=LoggingIn,
    token=Token.NONE,
    refuses=(InvalidPassword, InvalidCode, TotpRequired, UserDisabled, UserNotFound, RateLimited),
)
async def login() -> Response:
    """Logs in: a login session starts.

    The access token is valid for minutes and is needed for most other calls; the refresh token is valid for days and gets new
    access tokens. How many wrong passwords may be tried is limited.

    A user with a second factor gets 401 `totp_required` for the right password: the client asks for a code, and logs in again with
    password and `totp`. Each code is good once; a recovery code may take its place. A client that knows nothing of this logs in
    with an app password in place of the password.
    """
    body = await body_of(LoggingIn)
    try:
        made = await accounts().logins.login(
            body.email, body.password, body.totp, client=client_address(), device=device()
        )
    except (UserNotFound, InvalidPassword, InvalidCode) as refusal:
        # etc/fail2ban reads this line. Nothing in it is chosen by the client.
        log.info("login refused", client=client_address(), reason=refusal.code)
        raise
    structlog.contextvars.bind_contextvars(user_id=made.user_id)
    return answer(LoggedIn(tokens=Tokens(made.access_token, made.refresh_token), user_id=made.user_id))


@blueprint.get("/refresh")
@operation(Refreshed, token=Token.REFRESH)
async def refresh() -> Response:
    """Gets a new access token for the refresh token, which stays valid.

    Only for sessions that have never used `POST /refresh`.
    """
    return answer(Refreshed(tokens=AccessToken(await accounts().sessions.refresh(bearer_token()))))


@blueprint.post("/refresh")
@operation(Rotated, token=Token.REFRESH)
async def rotate() -> Response:
    """Gets a new access token and a new refresh token, which replaces the one that is sent.

    If the answer is lost, the same call can be made again within a minute: it gets the same tokens. A refresh token that is sent
    later, after it was replaced, counts as stolen: its login session ends.
    """
    made = await accounts().rotation.refresh(bearer_token(), client=client_address())
    return answer(Rotated(tokens=Tokens(made.access_token, made.refresh_token)))


@blueprint.post("/password/forgot")
@operation(takes=ForgettingPassword, token=Token.NONE, refuses=(RateLimited,))
async def forget_password() -> Response:
    """Sends a mail with a link to set a new password, if the address has an account.

    The answer is the same, and takes as long, if it has none.
    """
    body = await body_of(ForgettingPassword)
    await accounts().password_resets.request(body.email, client=client_address())
    return answer()


@blueprint.post("/password/reset")
@operation(takes=ResettingPassword, token=Token.NONE, refuses=(InvalidFields, InvalidCode, RateLimited))
async def reset_password() -> Response:
    """Sets a new password, with the token from the mail of `POST /password/forgot`.

    The token is valid once, for half an hour. All login sessions of the user end, and tokens for programs too.
    """
    body = await body_of(ResettingPassword)
    await accounts().password_resets.reset(body.token, body.new_password, client=client_address())
    return answer()


@blueprint.post("/logout")
@operation(token=Token.EITHER)
async def logout() -> Response:
    """Logs out: this login session ends.

    Both of its tokens become invalid, and its sockets are closed with 4001. Other login sessions continue.
    """
    await accounts().sessions.logout(bearer_token(), client=client_address())
    return answer()


@blueprint.post("/ws/ticket")
@operation(Ticket, 201, scope=Scope.READ)
async def ticket() -> Response:
    """Returns a ticket, which opens one WebSocket in place of the access token.

    It is valid once, for `expires_in` seconds, as long as the login session lives: so no URL contains a long-lived secret.
    """
    made = await accounts().sessions.ticket(await caller())
    return answer(Ticket(ticket=made.ticket, expires_in=made.expires_in), 201)
