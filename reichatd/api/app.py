"""Makes the Quart-Trio apps; `reichatd.gateway` serves them."""

import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, cast
from urllib.parse import quote

import structlog
import trio
from quart import Blueprint, Quart, Request, Response
from quart import request as current_request
from quart_trio import QuartTrio
from quart_trio.asgi import TrioASGIHTTPConnection

from reichatd.accounts import Accounts
from reichatd.api import about as about_calls
from reichatd.api import accounts as account_calls
from reichatd.api import app_passwords as app_password_calls
from reichatd.api import audit as audit_calls
from reichatd.api import directs as direct_calls
from reichatd.api import doctor as doctor_calls
from reichatd.api import health as health_calls
from reichatd.api import invites as invite_calls
from reichatd.api import members as member_calls
from reichatd.api import messages as message_calls
from reichatd.api import oidc as oidc_calls
from reichatd.api import own_account as own_account_calls
from reichatd.api import rooms as room_calls
from reichatd.api import second_factor as second_factor_calls
from reichatd.api import sessions as session_calls
from reichatd.api import tokens as token_calls
from reichatd.api import users as user_calls
from reichatd.api import web
from reichatd.api.answers import answer, answer_errors, failed
from reichatd.api.large_answers import AnyResponse, LargeAnswers
from reichatd.api.operations import Token, operation
from reichatd.api.room_list import RoomLists
from reichatd.api.services import Services, provide, provide_health, provide_settings
from reichatd.errors import ReichatError
from reichatd.health import Health
from reichatd.logo import LiveLogo
from reichatd.messaging import Messaging
from reichatd.rooms import Rooms
from reichatd.rooms.invites import RoomInvites
from reichatd.settings import LiveSettings
from reichatd.store import StoreError

LOGGED_PATH_CHARACTERS = 200

Exposition = Callable[[str], tuple[bytes, str]]
"""Returns the metrics and their content type, for an Accept header."""

_Channel = Callable[..., Awaitable[Any]]
"""ASGI's `receive`, or `send`."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def create_app(
    *,
    accounts: Accounts,
    rooms: Rooms,
    invites: RoomInvites,
    messaging: Messaging,
    health: Health,
    settings: LiveSettings,
    refusals: Counter[str] | None = None,
    web_client: bool = False,
    logo: LiveLogo | None = None,
) -> QuartTrio:
    """The REST interface of these accounts, rooms and conversations.

    It owns nothing and runs no task apart from its requests, so it needs no startup and no shutdown.

    Arguments:
        settings: `limits.body_bytes` (more is 413) and `limits.request_seconds` (a slower body is 408) are applied here; `/about`
            shows other limits to clients.
        refusals: counts the answers that are refused, since too many wait to be sent (`limits.answer_bytes`).
        web_client: whether browsers get the web client; its files are read here, once.
        logo: what the web client shows; its owner replaces it.
    """
    logo = (logo if web_client else None) or LiveLogo()
    app = _new_app(
        LargeAnswers(settings, refusals),
        settings,
        account_calls.blueprint,
        oidc_calls.blueprint,
        user_calls.blueprint,
        own_account_calls.blueprint,
        session_calls.blueprint,
        second_factor_calls.blueprint,
        app_password_calls.blueprint,
        token_calls.blueprint,
        room_calls.blueprint,
        direct_calls.blueprint,
        invite_calls.blueprint,
        audit_calls.blueprint,
        member_calls.blueprint,
        message_calls.blueprint,
        about_calls.blueprint,
        health_calls.blueprint,
        doctor_calls.blueprint,
    )
    provide(app, Services(accounts, rooms, RoomLists(rooms), invites, messaging, logo))
    provide_health(app, health)
    if web_client:
        app.register_blueprint(web.blueprint_of(web.read_files(), logo))
    else:
        app.add_url_rule("/", view_func=root)
    return app


def create_monitor(*, health: Health, expose: Exposition, settings: LiveSettings) -> QuartTrio:
    """/metrics, /healthz and /readyz, for monitoring; otherwise as `create_app`."""
    app = _new_app(LargeAnswers(settings), settings, health_calls.blueprint)
    provide_health(app, health)

    async def metrics() -> Response:
        text, content_type = expose(current_request.headers.get("Accept", ""))
        return Response(text, content_type=content_type)

    app.add_url_rule("/metrics", view_func=metrics)
    return app


def _new_app(large_answers: LargeAnswers, settings: LiveSettings, *blueprints: Blueprint) -> "_App":
    app = _App("reichatd", static_folder=None)
    app.large_answers = large_answers
    app.config["PROPAGATE_EXCEPTIONS"] = False
    _follow_limits(app, settings)
    app.url_map.merge_slashes = False  # a redirect would be a page in HTML
    answer_errors(app)
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    return app


def _follow_limits(app: Quart, settings: LiveSettings) -> None:
    """Applies the limits in force to each new request, also after a reload. Quart reads them from its own configuration."""

    def apply() -> None:
        app.config.update(MAX_CONTENT_LENGTH=settings.limits.body_bytes, BODY_TIMEOUT=settings.limits.request_seconds)

    apply()
    settings.on_change(apply)
    # An answer has no deadline: the gateway ends a connection whose reader takes nothing (limits.slow_reader_seconds).
    app.config["RESPONSE_TIMEOUT"] = None
    provide_settings(app, settings)


@operation(token=Token.NONE)
async def root() -> Response:
    """Says that the daemon is running."""
    return answer()


class _Exchange(TrioASGIHTTPConnection):
    """A request and its answer, in one task; a second task only receives the body, or notices that the client has gone."""

    async def __call__(self, receive: _Channel, send: _Channel) -> None:
        request = self._create_request_from_scope(send)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.handle_messages, nursery, request, receive)
                await self.handle_request(nursery, request, send)
        except* (ReichatError, StoreError) as errors:
            # In the middle of an answer, such as a RoomList. Since it is incomplete, the gateway ends the connection.
            log.warning("answer broken off", path=request.path, error=str(errors.exceptions[0]))

    async def _send_response(self, send: _Channel, response: AnyResponse) -> None:
        with cast("_App", self.app).large_answers.sending(response):
            await super()._send_response(send, response)


class _App(QuartTrio):
    """A QuartTrio app that gives each request an id and logs each answer."""

    asgi_http_class = _Exchange
    large_answers: LargeAnswers

    async def handle_request(self, request: Request) -> AnyResponse:
        request_id = secrets.token_hex(8)
        # This task serves one request only, so no other request gets this id.
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        try:
            response: AnyResponse = await super().handle_request(request)
        except trio.Cancelled:
            self._log(request, None, started)
            raise
        except Exception as error:
            # Quart's error handlers apply only after it has parsed host, path and query.
            response = failed(error)
        response = self.large_answers.admit(response)  # no await from here until it is sent
        response.headers["X-Request-ID"] = request_id
        self._log(request, response.status_code, started)
        return response

    async def handle_exception(self, error: Exception) -> Response:
        return failed(error)

    async def make_default_options_response(self) -> Response:
        plain = await super().make_default_options_response()
        return answer(headers={"Allow": plain.headers["Allow"]})

    def _log(self, request: Request, status: int | None, started: float) -> None:
        """Logs one request; `status` is None if the client has gone. Successful reads are logged at level debug."""
        write = log.debug if status == 200 and request.method in {"GET", "HEAD", "OPTIONS"} else log.info
        path = quote(_logged_path(request.path), errors="replace")  # it may contain terminal escapes
        ms = round((time.perf_counter() - started) * 1000, 1)
        # The user, if the request has a valid token, is in the context: see reichatd.api.requests.
        write("request", method=request.method, path=path, status=status, ms=ms, client=request.remote_addr)


def _logged_path(path: str) -> str:
    """A path without the token of an invitation, and not too long."""
    return f"{invite_calls.PATH}/..." if path.startswith(f"{invite_calls.PATH}/") else path[:LOGGED_PATH_CHARACTERS]
