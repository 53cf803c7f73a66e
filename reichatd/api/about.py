"""What a client needs to know about this daemon before a login."""

from quart import Blueprint, Response

from reichatd.api.answers import answer
from reichatd.api.operations import Token, operation
from reichatd.api.services import accounts, logo, settings
from reichatd.api.types import About, MessageLimits

blueprint = Blueprint("about", __name__)


@blueprint.get("/about")
@operation(About, token=Token.NONE)
async def show() -> Response:
    """Shows the instance's name and logo, how long a message may be, where verification codes appear, and who may register.

    A client that knows the limits can reject a message before it is sent. They are valid until the daemon's settings change.
    """
    in_force = settings()
    allowed = in_force.limits
    message = MessageLimits(message_chars=allowed.message_chars, frame_bytes=allowed.frame_bytes)
    code_by = accounts().registrations.code_by
    shown = logo()
    return answer(
        About(
            name=in_force.web.name,
            logo=shown.path if shown else "",
            limits=message,
            code_by=code_by,
            registration=in_force.auth.registration,
        )
    )
