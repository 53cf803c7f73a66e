"""Serves the web client: its page, manifest and files, and the instance's logo."""

import gzip
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import trio
from quart import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from reichatd.api.answers import answer
from reichatd.api.emoji_names import DATA_VERSION, LANGUAGES, emoji_json
from reichatd.api.operations import Token, operation
from reichatd.api.security_headers import PAGE_HEADERS
from reichatd.api.services import settings
from reichatd.api.web_modules import in_order, joined
from reichatd.api.web_page import MANIFEST, manifest, page
from reichatd.logo import LiveLogo

FILES = Path(__file__).parent.parent / "web"
INDEX = "index.html"
_BOOT = "boot.js"
_MAIN = "main.js"
_TEXTS = "texts/en.js"
_PREFIX = b'"web/'  # relative: a proxy may serve the page below a path

# Nothing from other sites, nothing inline, no framing, and no way to turn text into markup ("trusted types"). connect-src 'self'
# also allows the WebSocket: in CSP 3, and in browsers, it includes ws: and wss: of the same host and port.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_HEADERS = {**PAGE_HEADERS, "Content-Security-Policy": POLICY}
# An SVG file is a page if somebody opens its URL: it may have a style, and nothing that runs.
_LOGO_HEADERS = {**PAGE_HEADERS, "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
_REVALIDATE = "no-cache"
_IMMUTABLE = "public, max-age=31536000, immutable"


class File(NamedTuple):
    """One file of the web client."""

    data: bytes
    content_type: str
    etag: str


class Files(NamedTuple):
    """All files, by their names: `main.js`, `texts/en.js`.

    `version` is a hash of them all, and of what the names of emoji come from: it is in their URLs, so that a browser never mixes
    two versions. `page` is a template: see `web_page.page`. `modules` are the names of those that every visit needs.
    """

    page: File
    assets: Mapping[str, File]
    version: str
    modules: Sequence[str]


def read_files(directory: Path = FILES) -> Files:
    """Reads the files of the web client, also of its folders; blocks.

    `web/` in the page becomes `web/<version>/`, and main.js contains the modules that it imports.
    """
    paths = sorted(path for path in directory.rglob("*") if path.suffix in _TYPES)
    found = {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths}
    version = _digest(
        b"\0".join([DATA_VERSION.encode(), *(name.encode() + b"\0" + data for name, data in found.items())])
    )
    index = found.pop(INDEX).replace(_PREFIX, b"%b%b/" % (_PREFIX, version.encode()))
    modules = {name: data.decode() for name, data in found.items() if name.endswith(".js")}
    *boot, _ = in_order(modules, _BOOT)
    *of_texts, _ = in_order(modules, _TEXTS)  # those of a language are fetched when it is known; all import the same
    *of_main, _ = in_order(modules, _MAIN)
    apart = [name for name in of_main if name in boot or "/" in name]
    found[_MAIN] = joined(modules, _MAIN, apart).encode()
    assets = {name: _file(name, data) for name, data in found.items()}
    return Files(_file(INDEX, index), assets, version, [_MAIN, *dict.fromkeys([*apart, *boot, *of_texts])])


def blueprint_of(files: Files, logo: LiveLogo) -> Blueprint:
    """Serves the page at the root to clients that prefer HTML to JSON, the rest below /web/."""
    blueprint = Blueprint("web", __name__)
    directory = f"web/{files.version}"
    template = files.page.data.decode()
    modules = [f"{directory}/{name}" for name in files.modules]

    @blueprint.get("/")
    @operation(token=Token.NONE)
    async def root() -> Response:
        """Says that the daemon is running; a client that prefers HTML gets the web client."""
        prefers_html = request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"
        response = _sent(_file(INDEX, rendered()), _REVALIDATE) if prefers_html else answer()
        response.headers["Vary"] = "Accept"  # this URL has two answers
        return response

    def rendered() -> bytes:
        return page(template, settings().web.name, logo.current, directory, modules).encode()

    @blueprint.get(f"/{MANIFEST}")
    async def manifest_of_instance() -> Response:
        return _sent(_file(MANIFEST, manifest(settings().web.name, logo.current, directory)), _REVALIDATE)

    @blueprint.get("/web/logo/<_>")
    async def logo_of_instance(_: str) -> Response:
        current = logo.current
        if current is None or request.path != f"/{current.path}":
            raise NotFound
        return _sent(_file(current.path, current.data), _IMMUTABLE, _LOGO_HEADERS)

    @blueprint.get("/web/<version>/<path:name>")
    async def asset(version: str, name: str) -> Response:
        if version != files.version or name not in files.assets:
            raise NotFound
        return await _compressed(files.assets[name])

    @blueprint.get("/web/<version>/emoji/<language>.json")
    async def emoji(version: str, language: str) -> Response:
        if version != files.version or language not in LANGUAGES:
            raise NotFound
        data = await trio.to_thread.run_sync(emoji_json, language)
        return await _compressed(_file(f"{language}.json", data))

    return blueprint


async def _compressed(file: File) -> Response:
    """Sends a file that never changes, compressed if the client can read that."""
    response = _sent(file, _IMMUTABLE)
    if file.content_type != _TYPES[".png"]:
        response.headers["Vary"] = "Accept-Encoding"
        if response.status_code == 200 and request.accept_encodings.quality("gzip"):
            response.headers["Content-Encoding"] = "gzip"
            response.set_data(await trio.to_thread.run_sync(_gzip, file.data))
    return response


@cache
def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def _sent(file: File, cache_control: str, base: Mapping[str, str] = _HEADERS) -> Response:
    headers = {**base, "Cache-Control": cache_control, "ETag": f'W/"{file.etag}"'}  # weak: compressed or not
    if request.if_none_match.contains_weak(file.etag):
        return Response(b"", 304, headers)
    return Response(file.data, 200, headers, content_type=file.content_type)


def _file(name: str, data: bytes) -> File:
    return File(data, _TYPES[Path(name).suffix], _digest(data))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:20]
