"""Login by an OpenID provider.

The two calls that redirect are for browsers. Whatever happens, they lead to the provider or back to the web client, whose address
then tells what happened: `#/oidc/<code>`, `#/oidc-linked`, or `#/oidc-error/<code of an error>`.
"""

from urllib.parse import quote

import trio
from quart import Blueprint, Response, request

from reichatd.accounts.oidc import OidcLogins
from reichatd.accounts.oidc.handshake import browser_value
from reichatd.api.answers import HEADERS, answer
from reichatd.api.operations import Token, operation
from reichatd.api.requests import body_of, caller, client_address, device, query_of
from reichatd.api.services import accounts, limits
from reichatd.api.types import (
    ConfirmingPassword,
    LinkingProvider,
    LoggedIn,
    Provider,
    ProviderAnswer,
    ProviderLink,
    Redeeming,
    Tokens,
)
from reichatd.errors import (
    Forbidden,
    InvalidCode,
    InvalidPassword,
    InviteNotFound,
    NoProvider,
    RateLimited,
    RegistrationClosed,
    ReichatError,
    Unavailable,
    UnverifiedEmail,
    UserDisabled,
    UserExists,
)
from reichatd.store import StoreUnavailable

blueprint = Blueprint("oidc", __name__)

_PAGE = "../#"
"""The web client, as seen from /oidc/login and /oidc/callback: so that a proxy may serve the daemon below any path."""


@blueprint.get("/oidc")
@operation(Provider, token=Token.NONE)
async def show() -> Response:
    """Shows the name of the provider by which people can log in."""
    oidc = accounts().oidc
    return answer(Provider(name=oidc.name, button=oidc.button) if oidc else Provider(name="", button=""))


@blueprint.get("/oidc/login")
@operation("text/html", 303, token=Token.NONE, refuses=(NoProvider,))
async def login() -> Response:
    """Begins a login: sends the browser to the provider, with a cookie for the way back.

    The page comes back with `#/oidc/<code>`, and `POST /oidc/redeem` takes that code. If something goes wrong, it comes back with
    `#/oidc-error/<code of an error>`.
    """
    oidc, browser = _oidc(), _browser()
    try:
        response = _redirect(await oidc.begin(browser))
    except ReichatError as error:
        return await _failed(error)
    _keep(oidc, response, browser)
    return response


@blueprint.get("/oidc/callback")
@operation("text/html", 303, query=ProviderAnswer, token=Token.NONE, refuses=(NoProvider,))
async def callback() -> Response:
    """Takes the browser back from the provider, and sends it to the page; see `GET /oidc/login`."""
    oidc, given = _oidc(), query_of(ProviderAnswer)
    try:
        if given.error:
            raise Forbidden
        code = await oidc.finish(given.state, given.code, given.iss or None, _browser(), client=client_address())
    except ReichatError as error:
        return await _failed(error)
    except StoreUnavailable:
        return await _failed(Unavailable())
    return _redirect(f"{_PAGE}/oidc/{quote(code)}" if code else f"{_PAGE}/oidc-linked")


@blueprint.post("/oidc/redeem")
@operation(
    LoggedIn,
    takes=Redeeming,
    token=Token.NONE,
    refuses=(
        InvalidCode,
        RegistrationClosed,
        UnverifiedEmail,
        UserDisabled,
        NoProvider,
        InviteNotFound,
        UserExists,
        RateLimited,
    ),
)
async def redeem() -> Response:
    """Logs in with the code of a login at the provider: a login session starts, as by `POST /login`.

    The code is good once, within seconds, and only with the cookie of the browser that began the login: a page sends it with
    `credentials: "same-origin"`. Someone new gets an account with the address that the provider has verified; where registration is
    not open, with `invite`, the token of an invitation. If that address has an account, it is linked with the provider.
    """
    oidc, body = _oidc(), await body_of(Redeeming)
    made = await oidc.redeem(body.code, _browser(), client=client_address(), device=device(), invite=body.invite)
    response = answer(LoggedIn(tokens=Tokens(made.access_token, made.refresh_token), user_id=made.user_id))
    response.delete_cookie(_cookie(oidc), path="/", secure=oidc.is_secure, httponly=True, samesite="Lax")
    return response


@blueprint.post("/oidc/link")
@operation(LinkingProvider, takes=ConfirmingPassword, refuses=(InvalidPassword, Forbidden, NoProvider, RateLimited))
async def link() -> Response:
    """Begins the linking of your account with the provider: afterwards you can log in there.

    If you have no password, since the provider made your account, set one first: `POST /password/forgot`.
    Call it with `credentials: "same-origin"`, since the answer has a cookie, and send the browser to `url` within minutes. The page
    comes back with `#/oidc-linked`, or with `#/oidc-error/<code of an error>`.
    """
    identity, browser = await caller(), _browser()
    oidc, body = _oidc(), await body_of(ConfirmingPassword)
    url = await oidc.begin_link(identity, body.password, browser, client=client_address())
    response = answer(LinkingProvider(url=url))
    _keep(oidc, response, browser)
    return response


@blueprint.get("/user/oidc")
@operation(ProviderLink, refuses=(NoProvider,))
async def show_link() -> Response:
    """Shows whether you can log in by the provider."""
    identity = await caller()
    return answer(ProviderLink(linked=await _oidc().is_linked(identity.user.user_id)))


@blueprint.delete("/user/oidc")
@operation(refuses=(NoProvider,))
async def unlink() -> Response:
    """Ends your logins by the provider. Sessions that have begun so continue; set a password first, if you have none."""
    identity = await caller()
    await _oidc().unlink(identity, client=client_address())
    return answer()


def _oidc() -> OidcLogins:
    oidc = accounts().oidc
    if oidc is None:
        raise NoProvider
    return oidc


def _cookie(oidc: OidcLogins) -> str:
    # With this prefix no other host of the domain can set it (RFC 6265bis, 4.1.3).
    return "__Host-reichatd-oidc" if oidc.is_secure else "reichatd-oidc"


def _browser() -> str:
    """The value of this browser's cookie; a new one if it has none."""
    return browser_value(request.cookies.get(_cookie(_oidc()), ""))


def _keep(oidc: OidcLogins, response: Response, browser: str) -> None:
    response.set_cookie(
        _cookie(oidc),
        browser,
        max_age=oidc.cookie_seconds,
        path="/",
        secure=oidc.is_secure,
        httponly=True,
        samesite="Lax",  # it is sent with the redirect from the provider
    )


def _redirect(url: str) -> Response:
    return Response(b"", 303, {**HEADERS, "Location": url}, content_type="text/html; charset=utf-8")


async def _failed(error: ReichatError) -> Response:
    """Sends the browser back to the page with an error; late, if it has tried too often."""
    if isinstance(error, RateLimited):
        await trio.sleep(limits().refusal_seconds)
    return _redirect(f"{_PAGE}/oidc-error/{error.code}")
