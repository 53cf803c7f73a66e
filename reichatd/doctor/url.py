"""The daemon as its clients see it: through the network, TLS and all proxies."""

import ssl
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec
import trio

from reichatd.closing import UNAUTHORIZED
from reichatd.doctor.browser import NO_ROOM, RECIPES, check_origin, check_page
from reichatd.doctor.daemon import Seen, credentials, is_ours, own_addresses
from reichatd.doctor.findings import Finding, Note, error, ok, skipped, warning
from reichatd.doctor.network import Address, Answer, BadAnswer, UpgradeRejected, certificate, get, open_websocket
from reichatd.doctor.target import Target
from reichatd.gateway.forwarded import Proxies

_RENEW_SECONDS = 14 * 86_400.0
_CLOCK_SECONDS = 5.0
_FORGED = "192.0.2.1"  # RFC 5737: no client has this address


async def check(target: Target, note: Note) -> None:
    server = target.settings.server
    own = own_addresses(server)
    if not target.url and (server.tls_cert or not own):
        note(skipped("url.reachable", "not checked: no URL is known", "set server.public_url, or give it with --url"))
        return
    address = Address.of(target.url) if target.url else own[0]
    try:
        if await _is_reachable(address, note):
            upgrades = await _upgrades(address, note)
            seen = await _forwarded(address, target, note)
            if target.settings.web.enabled:
                await check_page(address, note)
            if upgrades:
                await check_origin(address, seen.host if seen else "", note)
                await _idle(address, target, note)
    except (OSError, trio.BrokenResourceError) as problem:
        if target.url:
            note(_unreachable(address, problem))
        else:
            note(skipped("url.reachable", f"not checked: nothing listens at {address}"))
    except BadAnswer as problem:
        note(error("url.reachable", f"{address} answers with {problem}", RECIPES))


async def _is_reachable(address: Address, note: Note) -> bool:
    """Whether the daemon answers at this address."""
    if address.secure:
        peer = await certificate(address)
        note(_certificate(peer["notBefore"], peer["notAfter"]))
    answer = await get(address, "/healthz")
    if not is_ours(answer):
        note(_not_ours(address, answer))
        return False
    note(ok("url.reachable", f"reichatd answers at {address}"))
    note(_clock(answer))
    return True


def _unreachable(address: Address, problem: Exception) -> Finding:
    cause = problem.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        remedy = "renew the certificate, and give the proxy the whole chain (fullchain.pem)"
        return error("url.certificate", f"{address}: {cause.verify_message}", remedy)
    if isinstance(cause, ssl.SSLError):
        return error("url.certificate", f"{address}: TLS fails: {cause.reason}", "check that this port uses TLS")
    # One error for each address of the host; the first will do.
    reasons = cause.exceptions if isinstance(cause, BaseExceptionGroup) else [problem]
    return error(
        "url.reachable",
        f"{address} cannot be reached: {reasons[0]}",
        "check the name in the DNS, the firewall, and that the proxy runs; from inside some networks it can never be reached",
    )


def _certificate(not_before: str, not_after: str) -> Finding:
    code, starts, ends = "url.certificate", ssl.cert_time_to_seconds(not_before), ssl.cert_time_to_seconds(not_after)
    found, left = f"valid until {datetime.fromtimestamp(ends, UTC):%Y-%m-%d %H:%M} UTC", ends - time.time()
    # Certificates for a few days or hours are renewed late by design.
    if left < min(_RENEW_SECONDS, (ends - starts) / 6):
        return warning(code, found, "renew it, and find out why it was not renewed automatically")
    return ok(code, found)


def _not_ours(address: Address, answer: Answer) -> Finding:
    code = "url.reachable"
    if answer.status in (502, 503, 504):
        remedy = "start the daemon, and compare the proxy's upstream address with server.host and server.port"
        return error(code, f"{address}: the proxy does not reach the daemon (status {answer.status})", remedy)
    return error(
        code,
        f"{address}/healthz: not the answer of reichatd (status {answer.status})",
        f"the proxy must forward every path: {RECIPES}",
    )


def _clock(answer: Answer) -> Finding:
    code = "url.clock"
    try:
        theirs = parsedate_to_datetime(answer.headers[b"date"].decode("latin-1")).timestamp()
    except (KeyError, ValueError, TypeError):
        return skipped(code, "the answer has no date")
    difference = abs(theirs - time.time())
    if difference > _CLOCK_SECONDS:
        return warning(
            code,
            f"the server's clock differs by {difference:.0f} s from this one",
            "synchronise both with a time server",
        )
    return ok(code, "the server's clock agrees with this one")


async def _upgrades(address: Address, note: Note) -> bool:
    """Whether upgrades reach the daemon: only the daemon accepts one without a token and then closes it with 4001."""
    code = "url.websocket"
    try:
        async with open_websocket(address, NO_ROOM) as socket:
            ended = await socket.closed()
    except UpgradeRejected as refusal:
        remedy = f"the proxy must forward Upgrade and Connection: {RECIPES}"
        note(error(code, f"the WebSocket upgrade does not reach the daemon (status {refusal.status})", remedy))
        return False
    if ended == UNAUTHORIZED:
        note(ok(code, "the WebSocket upgrade reaches the daemon"))
    else:
        note(error(code, f"the daemon's close frame does not reach clients (code {ended})", RECIPES))
    return True


async def _forwarded(address: Address, target: Target, note: Note) -> Seen | None:
    """How the daemon sees a request to this address; None if it does not tell."""
    code = "url.forwarded"
    if target.secret is None:
        note(
            skipped(
                code,
                "without its secret the daemon does not tell how it sees this client",
                "run this as the daemon's user",
            )
        )
        return None
    proof = credentials(target.secret)
    answer = await get(address, "/doctor", Authorization=proof)
    if answer.status != 200:
        note(_not_known(code, answer.status))
        return None
    seen = _seen(answer)
    forged = await get(address, "/doctor", Authorization=proof, X_Forwarded_For=_FORGED)
    direct = address._replace(path="") in own_addresses(target.settings.server)
    proxies = Proxies(target.settings.server.trusted_proxies)
    note(_judge(seen, _seen(forged), proxies, direct=direct))
    return seen


def _seen(answer: Answer) -> Seen:
    return msgspec.json.decode(answer.body, type=Seen)


def _judge(seen: Seen, forged: Seen, proxies: Proxies, *, direct: bool) -> Finding:
    """Whether the daemon sees the addresses of its clients.

    Arguments:
        seen: an ordinary request.
        forged: a request whose X-Forwarded-For claims that it comes from _FORGED.
        direct: whether the requests went to the daemon's own address.
    """
    code, peer = "url.forwarded", seen.peer
    if direct:
        return ok(code, f"there is no proxy: the daemon sees the addresses of its clients ({peer})")
    if forged.client == _FORGED and (forged.forwarded_for == _FORGED or not proxies.trusts(seen.client)):
        return error(
            code,
            "clients can choose the address that the daemon sees: the proxy forwards their X-Forwarded-For unchanged",
            f"the proxy must set this header itself: {RECIPES}",
        )
    if forged.client == _FORGED:
        return skipped(
            code,
            f"this machine ({seen.client}) is in server.trusted_proxies, so it cannot check what other clients can claim",
            "run this with --url from another machine, with the same settings and secret",
        )
    if not seen.forwarded_for:
        return warning(
            code,
            f"the proxy at {peer} does not send X-Forwarded-For: all clients have its address, and share one client's limits",
            f"the proxy must set X-Forwarded-For: {RECIPES}",
        )
    if not proxies.trusts(peer) and seen.client == peer:
        return warning(
            code,
            f"the proxy at {peer} is not trusted: all clients have its address, in the log, for the limits and for fail2ban",
            f'set server.trusted_proxies = ["{peer}"], and restart',
        )
    return ok(code, f"through the proxy at {peer}, the daemon sees this client as {seen.client}")


def _not_known(code: str, status: int) -> Finding:
    if status == 401:
        return error(
            code,
            "the daemon at this address has another secret",
            "check that it has these settings and was restarted since the secret changed, and that the proxy does not "
            "change the Authorization header",
        )
    return error(
        code,
        f"the daemon at this address does not tell how it sees this client (status {status})",
        f"check that it has this version; {RECIPES}",
    )


async def _idle(address: Address, target: Target, note: Note) -> None:
    """Holds an idle WebSocket open: proxies must keep it from one ping to the next."""
    code, interval = "url.idle", target.settings.limits.ping_seconds
    if target.secret is None:
        note(
            skipped(code, "without its secret the daemon keeps no idle WebSocket open", "run this as the daemon's user")
        )
        return
    pings, began, end = 0, trio.current_time(), None
    with trio.move_on_after(target.idle_seconds):
        async with open_websocket(address, "/ws/doctor", Authorization=credentials(target.secret)) as socket:
            try:
                end = await socket.closed()
            finally:
                pings = socket.pings
    lived = trio.current_time() - began
    if end == UNAUTHORIZED:
        note(skipped(code, "the daemon at this address has another secret"))
    elif end is not None:
        note(
            error(
                code,
                f"an idle WebSocket was closed after {lived:.0f} s (code {end})",
                f"the proxy's timeouts must be longer than limits.ping_seconds ({interval:g} s): {RECIPES}",
            )
        )
    elif lived < interval:
        found = f"an idle WebSocket stays open for {lived:.0f} s; pings come every {interval:g} s"
        note(ok(code, f"{found} (--idle {interval * 3:.0f} would receive some)"))
    elif not pings:
        note(
            warning(
                code,
                f"an idle WebSocket stays open for {lived:.0f} s, but no ping came",
                f"the proxy must not buffer WebSockets: {RECIPES}",
            )
        )
    else:
        note(ok(code, f"an idle WebSocket stays open for {lived:.0f} s; {pings} pings came"))
