"""The daemon as its clients find it: through the network, TLS and all proxies."""

import ssl
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec
import trio

from reichatd.doctor.browser import NO_ROOM, RECIPES, check_origin, check_page
from reichatd.doctor.daemon import Seen, credentials, is_ours, own_addresses
from reichatd.doctor.findings import Finding, Note, error, ok, skipped, warning
from reichatd.doctor.network import Address, Answer, BadAnswer, UpgradeRejected, certificate, get, open_websocket
from reichatd.doctor.target import Target
from reichatd.gateway.forwarded import Proxies

_RENEW_SECONDS = 14 * 86_400.0
_CLOCK_SECONDS = 5.0
_UNAUTHORIZED = 4001
_NOBODY = "192.0.2.1"  # RFC 5737: no client has it


async def check(patient: Target, note: Note) -> None:
    server = patient.settings.server
    own = own_addresses(server)
    if not patient.url and (server.tls_cert or not own):
        note(skipped("url.reachable", "not dialled: no URL is known", "set server.public_url, or name it with --url"))
        return
    address = Address.of(patient.url) if patient.url else own[0]
    try:
        if await _reaches(address, note):
            sockets = await _opens(address, note)
            seen = await _forwarded(address, patient, note)
            if patient.settings.web.enabled:
                await check_page(address, note)
            if sockets:
                await check_origin(address, seen.host if seen else "", note)
                await _idle(address, patient, note)
    except (OSError, trio.BrokenResourceError) as problem:
        if patient.url:
            note(_unreachable(address, problem))
        else:
            note(skipped("url.reachable", f"not dialled: nobody listens at {address}"))
    except BadAnswer as problem:
        note(error("url.reachable", f"{address} answers with {problem}", RECIPES))


async def _reaches(address: Address, note: Note) -> bool:
    """Whether the daemon is at the other end."""
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
        return error("url.certificate", f"{address}: TLS fails: {cause.reason}", "see that TLS is spoken at this port")
    # Of several addresses each has its own reason; the first is as good as any.
    reasons = cause.exceptions if isinstance(cause, BaseExceptionGroup) else [problem]
    return error(
        "url.reachable",
        f"{address} cannot be reached: {reasons[0]}",
        "see the name in the DNS, the firewall, and that the proxy runs; from the inside of some networks it never works",
    )


def _certificate(not_before: str, not_after: str) -> Finding:
    code, begun, ends = "url.certificate", ssl.cert_time_to_seconds(not_before), ssl.cert_time_to_seconds(not_after)
    found, left = f"valid until {datetime.fromtimestamp(ends, UTC):%Y-%m-%d %H:%M} UTC", ends - time.time()
    # Some are made for a few days, or hours, and renewed in time all the same.
    if left < min(_RENEW_SECONDS, (ends - begun) / 6):
        return warning(code, found, "renew it, and see why it was not renewed by itself")
    return ok(code, found)


def _not_ours(address: Address, answer: Answer) -> Finding:
    code = "url.reachable"
    if answer.status in (502, 503, 504):
        remedy = (
            "start the daemon, and compare the address that the proxy passes on to with server.host and server.port"
        )
        return error(code, f"{address}: the proxy does not reach the daemon (status {answer.status})", remedy)
    return error(
        code,
        f"{address}/healthz: not reichatd's answer (status {answer.status})",
        f"every path has to be passed on: {RECIPES}",
    )


def _clock(answer: Answer) -> Finding:
    code = "url.clock"
    try:
        there = parsedate_to_datetime(answer.headers[b"date"].decode("latin-1")).timestamp()
    except (KeyError, ValueError, TypeError):
        return skipped(code, "the answer has no date")
    apart = abs(there - time.time())
    if apart > _CLOCK_SECONDS:
        return warning(
            code, f"the clock at the other end is {apart:.0f} s off this one", "have both kept by a time server"
        )
    return ok(code, "the clock at the other end is the same")


async def _opens(address: Address, note: Note) -> bool:
    """Whether an upgrade gets through: without a token it is accepted and then closed, which nobody but the daemon does."""
    code = "url.websocket"
    try:
        async with open_websocket(address, NO_ROOM) as socket:
            ended = await socket.closed()
    except UpgradeRejected as refusal:
        remedy = f"pass Upgrade and Connection on: {RECIPES}"
        note(error(code, f"the upgrade does not get through (status {refusal.status})", remedy))
        return False
    if ended == _UNAUTHORIZED:
        note(ok(code, "the upgrade gets through"))
    else:
        note(error(code, f"the daemon's goodbye does not get through (code {ended})", RECIPES))
    return True


async def _forwarded(address: Address, patient: Target, note: Note) -> Seen | None:
    """What the daemon says of a request that comes this way, if it says anything."""
    code = "url.forwarded"
    if patient.secret is None:
        note(skipped(code, "without the daemon's secret it does not say whom it sees", "run this as the daemon's user"))
        return None
    proof = credentials(patient.secret)
    answer = await get(address, "/doctor", Authorization=proof)
    if answer.status != 200:
        note(_not_known(code, answer.status))
        return None
    seen = _seen(answer)
    forged = await get(address, "/doctor", Authorization=proof, X_Forwarded_For=_NOBODY)
    direct = address._replace(path="") in own_addresses(patient.settings.server)
    proxies = Proxies(patient.settings.server.trusted_proxies)
    note(_judge(seen, _seen(forged), proxies, direct=direct))
    return seen


def _seen(answer: Answer) -> Seen:
    return msgspec.json.decode(answer.body, type=Seen)


def _judge(seen: Seen, forged: Seen, proxies: Proxies, *, direct: bool) -> Finding:
    """Whether the daemon knows its clients' addresses.

    Arguments:
        forged: of a request that claims to come from _NOBODY.
        direct: whether the daemon itself was dialled.
    """
    code, peer = "url.forwarded", seen.peer
    if direct:
        return ok(code, f"there is no proxy between: clients are seen as they are ({peer})")
    if forged.client == _NOBODY and (forged.forwarded_for == _NOBODY or not proxies.trusts(seen.client)):
        return error(
            code,
            "clients can choose the address that they are seen with: the proxy passes X-Forwarded-For on as it came",
            f"have it set the header itself: {RECIPES}",
        )
    if forged.client == _NOBODY:
        return skipped(
            code,
            f"this machine ({seen.client}) is itself in server.trusted_proxies: what others can claim is not to be seen here",
            "run this with --url from another machine, with the same settings and secret",
        )
    if not seen.forwarded_for:
        return warning(
            code,
            f"the proxy at {peer} does not say whom it speaks for: all clients have its address",
            f"have it set X-Forwarded-For: {RECIPES}",
        )
    if not proxies.trusts(peer) and seen.client == peer:
        return warning(
            code,
            f"the proxy at {peer} is not believed: all clients have its address, in the log and for fail2ban",
            f'server.trusted_proxies = ["{peer}"], and a restart',
        )
    return ok(code, f"through the proxy at {peer}, this client is seen as {seen.client}")


def _not_known(code: str, status: int) -> Finding:
    if status == 401:
        return error(
            code,
            "the daemon at the other end has another secret",
            "see that it is the one of these settings, started anew since the secret changed, and that the proxy leaves "
            "the Authorization header alone",
        )
    return error(
        code,
        f"the daemon at the other end does not say whom it sees (status {status})",
        f"is it of this version? {RECIPES}",
    )


async def _idle(address: Address, patient: Target, note: Note) -> None:
    """Holds a socket that says nothing: what is between must let it live from ping to ping."""
    code, every = "url.idle", patient.settings.limits.ping_seconds
    if patient.secret is None:
        note(skipped(code, "without the daemon's secret it holds no silent socket", "run this as the daemon's user"))
        return
    pings, began, end = 0, trio.current_time(), None
    with trio.move_on_after(patient.idle_seconds):
        async with open_websocket(address, "/ws/doctor", Authorization=credentials(patient.secret)) as socket:
            try:
                end = await socket.closed()
            finally:
                pings = socket.pings
    lived = trio.current_time() - began
    if end == _UNAUTHORIZED:
        note(skipped(code, "the daemon at the other end has another secret"))
    elif end is not None:
        note(
            error(
                code,
                f"a silent socket was cut after {lived:.0f} s (code {end})",
                f"the proxy's timeouts must be longer than limits.ping_seconds ({every:g} s): {RECIPES}",
            )
        )
    elif lived < every:
        found = f"a silent socket lives {lived:.0f} s; pings come each {every:g} s"
        note(ok(code, f"{found} (--idle {every * 3:.0f} would see some)"))
    elif not pings:
        note(
            warning(
                code,
                f"a silent socket lives {lived:.0f} s, but no ping came",
                f"no buffering for WebSockets: {RECIPES}",
            )
        )
    else:
        note(ok(code, f"a silent socket lives {lived:.0f} s; {pings} pings came"))
