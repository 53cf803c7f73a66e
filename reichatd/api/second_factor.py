"""The user's own second factor."""

from quart import Blueprint, Response

from reichatd.api.answers import answer
from reichatd.api.operations import operation
from reichatd.api.requests import body_of, caller, client_address
from reichatd.api.services import accounts
from reichatd.api.types import (
    ConfirmingPassword,
    ConfirmingTotp,
    RecoveryCodes,
    RemovingTotp,
    TotpSecret,
    TotpState,
)
from reichatd.errors import Forbidden, InvalidCode, InvalidPassword, RateLimited, TotpEnabled, TotpNotFound

blueprint = Blueprint("second_factor", __name__, url_prefix="/user/totp")


@blueprint.get("")
@operation(TotpState)
async def show() -> Response:
    """Shows whether you have a second factor."""
    state = await accounts().second_factors.state(await caller())
    return answer(TotpState(enabled=state.enabled, recovery_codes=state.recovery_codes))


@blueprint.post("")
@operation(TotpSecret, takes=ConfirmingPassword, refuses=(InvalidPassword, Forbidden, TotpEnabled, RateLimited))
async def begin() -> Response:
    """Makes a secret for an authenticator app.

    Nothing changes until `POST /user/totp/confirm`. A further call replaces a secret that was not confirmed.
    """
    identity = await caller()
    body = await body_of(ConfirmingPassword)
    made = await accounts().second_factors.begin(identity, body.password, client=client_address())
    return answer(TotpSecret(secret=made.secret, uri=made.uri, svg=made.svg))


@blueprint.post("/confirm")
@operation(
    RecoveryCodes, takes=ConfirmingTotp, refuses=(InvalidCode, Forbidden, TotpNotFound, TotpEnabled, RateLimited)
)
async def confirm() -> Response:
    """Turns the second factor on, by a code of the app.

    From now on a login needs a code. The answer has ten recovery codes, shown this once: each is good once in place of a code, for
    the day when the app is lost.
    """
    identity = await caller()
    body = await body_of(ConfirmingTotp)
    recovery = await accounts().second_factors.confirm(identity, body.code, client=client_address())
    return answer(RecoveryCodes(recovery_codes=list(recovery)))


@blueprint.delete("")
@operation(takes=RemovingTotp, refuses=(InvalidPassword, InvalidCode, Forbidden, TotpNotFound, RateLimited))
async def remove() -> Response:
    """Turns the second factor off, by the password and a code or recovery code."""
    identity = await caller()
    body = await body_of(RemovingTotp)
    await accounts().second_factors.remove(identity, body.password, body.code, client=client_address())
    return answer()
