"""Whether the daemon is alive, and ready. Anybody may ask; the answers hold nothing of the inside."""

from quart import Blueprint, Response

from reichatd.api.answers import OK, answer
from reichatd.api.services import health
from reichatd.api.types import NotReady, Ready
from reichatd.health import OK as FINE

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
async def alive() -> Response:
    """To have answered is all there is to say."""
    return answer(OK)


@blueprint.get("/readyz")
async def ready() -> Response:
    checks = await health().verdicts()
    wrong = [f"{part}: {verdict}" for part, verdict in checks.items() if verdict != FINE]
    if not wrong:
        return answer(Ready(checks=checks))
    return answer(NotReady(message=f"Not ready: {'; '.join(wrong)}", code="not_ready", checks=checks), 503)
