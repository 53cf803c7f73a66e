"""What users do with their whole account: the address, their data, the end of it."""

from quart import Blueprint, Response

from reichatd.api.answers import HEADERS, answer
from reichatd.api.export import MEDIA_TYPE, ExportBody
from reichatd.api.operations import operation
from reichatd.api.requests import body_of, caller, client_address
from reichatd.api.services import accounts
from reichatd.api.types import ChangingEmail, DeletingUser, VerifyingEmail
from reichatd.errors import (
    Invalid,
    InvalidCode,
    InvalidFields,
    InvalidPassword,
    OwnsRooms,
    RateLimited,
    UserExists,
    VerificationNotFound,
)

blueprint = Blueprint("own_account", __name__, url_prefix="/user")


@blueprint.put("/email")
@operation(takes=ChangingEmail, refuses=(InvalidFields, InvalidPassword, Invalid, UserExists, RateLimited))
async def change_email() -> Response:
    """Sends a code to a new e-mail address; `POST /user/email/verify` takes it.

    Until then you keep the present address, which gets a mail about it.
    """
    identity = await caller()
    body = await body_of(ChangingEmail)
    await accounts().email_changes.request(identity, body.password, body.email, client=client_address())
    return answer()


@blueprint.post("/email/verify")
@operation(takes=VerifyingEmail, refuses=(InvalidCode, VerificationNotFound, UserExists, RateLimited))
async def verify_email() -> Response:
    """Makes the new e-mail address yours, with the code that came there.

    The code is valid for a few minutes, and has a few tries.
    """
    identity = await caller()
    body = await body_of(VerifyingEmail)
    await accounts().email_changes.verify(identity, body.code, client=client_address())
    return answer()


@blueprint.delete("")
@operation(takes=DeletingUser, refuses=(InvalidPassword, OwnsRooms, RateLimited))
async def delete() -> Response:
    """Deletes your account.

    Rooms that you own must be transferred or deleted first. Your messages stay, without your name and address; with `erase` the
    daemon also replaces their contents by "(deleted)", which may take a while in a large store.
    """
    identity = await caller()
    body = await body_of(DeletingUser)
    erase = body.messages == "erase"
    await accounts().deletion.delete(identity, body.password, erase=erase, client=client_address())
    return answer()


@blueprint.get("/export")
@operation(MEDIA_TYPE, refuses=(RateLimited,))
async def export() -> Response:
    """Downloads all your data: your account, rooms, login sessions and messages.

    Each line is a record in JSON, with a `type`.
    """
    identity = await caller()
    records = await accounts().exports.begin(identity, client=client_address())
    return Response(ExportBody(records), headers=HEADERS, content_type=MEDIA_TYPE)
