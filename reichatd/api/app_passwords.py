"""The user's own app passwords."""

from quart import Blueprint, Response

from reichatd.api.answers import answer
from reichatd.api.operations import operation
from reichatd.api.requests import body_of, caller, client_address
from reichatd.api.services import accounts
from reichatd.api.types import AppPasswordCreated, AppPasswordInList, AppPasswords, CreatingAppPassword
from reichatd.errors import AppPasswordNotFound, Forbidden, InvalidFields, TooManyAppPasswords
from reichatd.timestamps import isoformat

blueprint = Blueprint("app_passwords", __name__, url_prefix="/user/app-passwords")


@blueprint.get("")
@operation(AppPasswords)
async def list_own() -> Response:
    """Lists your app passwords, oldest first."""
    found = await accounts().app_passwords.of(await caller())
    return answer(
        AppPasswords(
            app_passwords=[
                AppPasswordInList(
                    app_password_id=one.app_password_id,
                    name=one.name,
                    created_at=isoformat(one.created_at),
                    used_at=isoformat(one.used_at) if one.used_at else None,
                )
                for one in found
            ]
        )
    )


@blueprint.post("")
@operation(AppPasswordCreated, 201, takes=CreatingAppPassword, refuses=(InvalidFields, Forbidden, TooManyAppPasswords))
async def create() -> Response:
    """Makes an app password, for a client that knows no second factor.

    `POST /login` takes it in place of password and `totp`. Nothing else takes it: with it alone no one can change the password. A
    session that began with it makes no tokens, app passwords or links with a provider, and does not turn the second factor on or
    off: 403. How many you may have is limited.
    """
    identity = await caller()
    body = await body_of(CreatingAppPassword)
    made, password = await accounts().app_passwords.create(identity, body.name, client=client_address())
    return answer(AppPasswordCreated(app_password_id=made.app_password_id, password=password), 201)


@blueprint.delete("/<app_password_id>")
@operation(refuses=(AppPasswordNotFound,))
async def delete(app_password_id: str) -> Response:
    """Deletes an app password; the login sessions that it began end."""
    await accounts().app_passwords.delete(await caller(), app_password_id, client=client_address())
    return answer()
