"""What only browsers need at the daemon's address: the files of the web client, and an Origin that the daemon accepts."""

import re
from urllib.parse import urljoin, urlsplit

from reichatd.doctor.findings import Finding, Note, error, ok, warning
from reichatd.doctor.network import Address, UpgradeRejected, get, open_websocket

RECIPES = "compare the proxy's configuration with etc/nginx or etc/caddy"
NO_ROOM = "/ws/chat/doctor"
"""A WebSocket here is accepted and then closed, since it has no token."""
_SCRIPT = re.compile(rb'<script\b[^>]*\bsrc="([^"]+)"')
_REDIRECTS = {301, 302, 303, 307, 308}
_FORBIDDEN = 403


async def check_page(address: Address, note: Note) -> None:
    """Whether the web client is served, with its script. Raises: as `get`."""
    note(await _page(address))


async def _page(address: Address) -> Finding:
    code, url = "url.page", f"{address}/"
    page = await get(address, "/", Accept="text/html")
    script = _SCRIPT.search(page.body)
    if page.status != 200 or not page.headers.get(b"content-type", b"").startswith(b"text/html") or script is None:
        remedy = f"check that web.enabled is true there, and that the proxy forwards every path and Accept: {RECIPES}"
        return error(code, f"{url}: not the web client (status {page.status})", remedy)
    source = urljoin(f"{address.origin}{address.path}/", script[1].decode("utf-8", "replace"))
    answer = await get(address._replace(path=""), urlsplit(source).path)
    if answer.status != 200 or b"javascript" not in answer.headers.get(b"content-type", b""):
        found = f"the page is served, but its script is not: {source} (status {answer.status})"
        return error(code, found, f"the proxy must forward all paths below {url} unchanged: {RECIPES}")
    if address.path and (await get(address, "")).status not in _REDIRECTS:
        found = f"{address}, without the slash, does not redirect to {url}: browsers then look for the files in the wrong place"
        return warning(code, found, f"the proxy must redirect it: {RECIPES}")
    return ok(code, f"{url} serves the web client, with its script")


async def check_origin(address: Address, seen_host: str, note: Note) -> None:
    """Whether a page at this address may open a WebSocket. Programs always may: they send no Origin. Raises: as `open_websocket`.

    Arguments:
        seen_host: the Host that reaches the daemon; "" if it does not tell.
    """
    code, origin = "url.origin", address.origin
    try:
        async with open_websocket(address, NO_ROOM, Origin=origin) as socket:
            await socket.closed()
    except UpgradeRejected as refusal:
        found = f"pages at {origin} cannot open WebSockets, so the web client stays offline: {_cause(address, seen_host, refusal)}"
        remedy = (
            "have the proxy forward Host unchanged (nginx: proxy_set_header Host $http_host), "
            f'or set server.allowed_origins = ["{origin}"]'
        )
        note(error(code, found, remedy))
    else:
        note(ok(code, f"pages at {origin} may open WebSockets"))


def _cause(address: Address, seen_host: str, refusal: UpgradeRejected) -> str:
    if refusal.status != _FORBIDDEN:
        return f"with an Origin the upgrade is answered with status {refusal.status}"
    if not seen_host:
        return "Origin and Host differ, probably because the proxy replaces Host"
    if seen_host.lower() != address.authority.lower():
        return f"the proxy replaces Host: {address.authority} becomes {seen_host}, which differs from Origin"
    return "Host arrives unchanged, so the proxy changes Origin"
