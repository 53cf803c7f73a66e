"""Whether the daemon is alive, and ready. Needs no token; the answers show no internals."""

from quart import Blueprint, Response

from reichatd.api.answers import OK, answer
from reichatd.api.operations import Token, operation
from reichatd.api.services import health
from reichatd.api.types import NotReady, Ready
from reichatd.health import DISK_LOW
from reichatd.health import OK as FINE

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@operation(token=Token.NONE)
async def alive() -> Response:
    """Says that the daemon is alive: that it answers is all there is to say."""
    return answer(OK)


@blueprint.get("/readyz")
@operation(Ready, token=Token.NONE, otherwise={503: NotReady})
async def ready() -> Response:
    """Says whether all parts of the daemon work. It stays ready while the disk is almost full, and only posts are refused."""
    checks = await health().verdicts()
    wrong = [f"{part}: {verdict}" for part, verdict in checks.items() if verdict not in (FINE, DISK_LOW)]
    if not wrong:
        return answer(Ready(checks=checks))
    return answer(NotReady(message=f"Not ready: {'; '.join(wrong)}", code="not_ready", checks=checks), 503)
