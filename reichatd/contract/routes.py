"""Serves the documentation: documents for programs, and pages for people."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import msgspec
import trio
from quart import Blueprint, Quart, Response

from reichatd.api.operations import Token, operation
from reichatd.api.security_headers import PAGE_HEADERS
from reichatd.contract import pages
from reichatd.contract.asyncapi import asyncapi
from reichatd.contract.openapi import openapi
from reichatd.settings import LimitSettings

JSON, HTML = "application/json", "text/html; charset=utf-8"
_HEADERS = {
    **PAGE_HEADERS,
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}


class _Files(NamedTuple):
    """The generated documents and pages."""

    openapi: bytes
    asyncapi: bytes
    rest_page: bytes
    websocket_page: bytes


def publish(app: Quart, limits: Callable[[], LimitSettings], public_url: str = "") -> None:
    """Adds the documentation to an app. It describes all routes that the app has at the first request.

    Arguments:
        limits: returns the limits in force.
        public_url: the URL of the daemon for clients; "" if it is not known.
    """
    blueprint = Blueprint("contract", __name__)

    @lru_cache(maxsize=1)  # the pages are public: requests must be cheap
    def generate(limits: LimitSettings) -> _Files:
        rest, conversation = openapi(app, limits, public_url), asyncapi(limits, public_url)
        return _Files(
            msgspec.json.encode(rest),
            msgspec.json.encode(conversation),
            pages.rest(rest).encode(),
            pages.websocket(conversation).encode(),
        )

    @blueprint.get("/openapi.json")
    @operation(JSON, token=Token.NONE)
    async def openapi_document() -> Response:
        """This document: the REST interface in OpenAPI 3.1."""
        return _respond(generate(limits()).openapi, JSON)

    @blueprint.get("/asyncapi.json")
    @operation(JSON, token=Token.NONE)
    async def asyncapi_document() -> Response:
        """The WebSocket interface in AsyncAPI 3.0."""
        return _respond(generate(limits()).asyncapi, JSON)

    @blueprint.get("/docs")
    @operation("text/html", token=Token.NONE)
    async def openapi_page() -> Response:
        """The REST interface, as a page for people."""
        return _respond(generate(limits()).rest_page, HTML)

    @blueprint.get("/docs/websocket")
    @operation("text/html", token=Token.NONE)
    async def asyncapi_page() -> Response:
        """The WebSocket interface, as a page for people."""
        return _respond(generate(limits()).websocket_page, HTML)

    @blueprint.get("/docs/guide")
    @operation("text/html", token=Token.NONE)
    async def guide_page() -> Response:
        """A guide for client authors, with examples to run."""
        return _respond((await trio.to_thread.run_sync(pages.guide)).encode(), HTML)

    @blueprint.get("/docs/style.css")
    @operation("text/css", token=Token.NONE)
    async def style() -> Response:
        """The style sheet of the pages."""
        return _respond(pages.style(), "text/css; charset=utf-8")

    app.register_blueprint(blueprint)


def _respond(body: bytes, content_type: str) -> Response:
    return Response(body, content_type=content_type, headers=_HEADERS)
