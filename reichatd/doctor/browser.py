"""What a browser meets at the daemon's address, and a program does not: the web client's files, and the check of Origin."""

import re
from urllib.parse import urljoin, urlsplit

from reichatd.doctor.findings import Finding, Note, error, ok, warning
from reichatd.doctor.network import Address, UpgradeRejected, get, open_websocket

RECIPES = "compare the proxy's configuration with etc/nginx or etc/caddy"
NO_ROOM = "/ws/chat/doctor"
"""A socket that is accepted and then closed, for want of a token."""
_SCRIPT = re.compile(rb'<script\b[^>]*\bsrc="([^"]+)"')
_REDIRECTS = {301, 302, 303, 307, 308}
_FORBIDDEN = 403


async def check_page(address: Address, note: Note) -> None:
    """Whether the web client comes, with its script. Raises: those of `get`."""
    note(await _page(address))


async def _page(address: Address) -> Finding:
    code, where = "url.page", f"{address}/"
    page = await get(address, "/", Accept="text/html")
    script = _SCRIPT.search(page.body)
    if page.status != 200 or not page.headers.get(b"content-type", b"").startswith(b"text/html") or script is None:
        remedy = f"see that web.enabled is true there, and that the proxy passes every path and Accept on: {RECIPES}"
        return error(code, f"{where}: not the web client (status {page.status})", remedy)
    source = urljoin(f"{address.origin}{address.path}/", script[1].decode("utf-8", "replace"))
    answer = await get(address._replace(path=""), urlsplit(source).path)
    if answer.status != 200 or b"javascript" not in answer.headers.get(b"content-type", b""):
        found = f"the page comes, and its script does not: {source} (status {answer.status})"
        return error(code, found, f"pass on all that is below {where}, as it is: {RECIPES}")
    if address.path and (await get(address, "")).status not in _REDIRECTS:
        found = f"{address}, without the slash, is no redirect to {where}: what the page names is looked for in the wrong place"
        return warning(code, found, f"have the proxy redirect it: {RECIPES}")
    return ok(code, f"the web client comes from {where}, with its script")


async def check_origin(address: Address, seen_host: str, note: Note) -> None:
    """Whether a page that is there may open a socket, as a program, which sends no Origin, may. Raises: those of `open_websocket`.

    Arguments:
        seen_host: the Host that the daemon is sent by this way; "" if it does not say.
    """
    code, origin = "url.origin", address.origin
    try:
        async with open_websocket(address, NO_ROOM, Origin=origin) as socket:
            await socket.closed()
    except UpgradeRejected as refusal:
        found = f"pages at {origin} cannot open sockets, so the web client stays offline: {_cause(address, seen_host, refusal)}"
        remedy = (
            "have the proxy pass Host on as it came (nginx: proxy_set_header Host $http_host), "
            f'or set server.allowed_origins = ["{origin}"]'
        )
        note(error(code, found, remedy))
    else:
        note(ok(code, f"pages at {origin} may open sockets"))


def _cause(address: Address, seen_host: str, refusal: UpgradeRejected) -> str:
    if refusal.status != _FORBIDDEN:
        return f"with an Origin the upgrade is answered with status {refusal.status}"
    if not seen_host:
        return "Origin and Host do not agree, most likely since the proxy replaces Host"
    if seen_host.lower() != address.authority.lower():
        return f"the proxy replaces Host: {address.authority} becomes {seen_host}, which Origin does not agree with"
    return "Host comes as it should, so the proxy changes Origin"
