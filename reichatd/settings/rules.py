"""Checks of what a type cannot express: two keys together, or more than a pattern. Pure."""

import ipaddress
from collections.abc import Callable, Collection, Iterator

from reichatd.hosts import UNIX_PEER, is_local, is_well_formed
from reichatd.mongouri import database_in
from reichatd.settings.keys import KEYS, as_toml, shown, value_of
from reichatd.settings.problems import SettingsProblem
from reichatd.settings.root import Settings

SECRET_BYTES = 32
"""The minimum length of the secret that tokens are signed with: as long as the hash of HS256 (RFC 7518, 3.2)."""

_BEATS = 3
"""How many heartbeats fall into a lease at least, so that a late one does not end it."""

MAKE_SECRET = "python3 -c 'import secrets; print(secrets.token_hex(32))'"

_Rule = Callable[[Settings], Iterator[SettingsProblem]]


def broken_rules(settings: Settings, doubtful: Collection[str] = ()) -> list[SettingsProblem]:
    """The problems of settings in which each value has its type.

    Arguments:
        doubtful: keys whose value was refused before, and so is unknown. Rules that use them are left out.
    """
    return [problem for keys, rule in _RULES if not keys & set(doubtful) for problem in rule(settings)]


def _reachable_without_tls(settings: Settings) -> Iterator[SettingsProblem]:
    server = settings.server
    # A proxy on a Unix socket does not protect the addresses that the network can reach.
    behind_proxy = any(proxy != UNIX_PEER for proxy in server.trusted_proxies)
    if server.tls_cert or behind_proxy or server.insecure:
        return
    for host in server.hosts:
        if not is_local(host):
            yield SettingsProblem(
                "server.host",
                f"{as_toml(host)}, which other machines can reach, over plain HTTP",
                '"127.0.0.1"; or, for other machines, set server.tls_cert and server.tls_key, or name the TLS proxy in '
                "server.trusted_proxies, or, on a network that you trust, set server.insecure = true",
            )


def _hosts_are_hosts(settings: Settings) -> Iterator[SettingsProblem]:
    if not settings.server.hosts:
        yield SettingsProblem("server.host", "an empty list", "one or more")
    for key, hosts in ("server.host", settings.server.hosts), ("metrics.host", (settings.metrics.host,)):
        allowed = f"{KEYS[key].allowed}; the port is set in {key.replace('host', 'port')}"
        yield from (SettingsProblem(key, shown(host), allowed) for host in hosts if not is_well_formed(host))


def _tls_in_pairs(settings: Settings) -> Iterator[SettingsProblem]:
    pair = {"server.tls_cert": settings.server.tls_cert, "server.tls_key": settings.server.tls_key}
    if any(pair.values()):
        for key, value in pair.items():
            if not value:
                yield SettingsProblem(key, "nothing", f"a file: {' and '.join(pair)} go together")


def _proxies_are_networks(settings: Settings) -> Iterator[SettingsProblem]:
    for proxy in settings.server.trusted_proxies:
        if proxy == UNIX_PEER:
            continue
        try:
            ipaddress.ip_network(proxy)
        except ValueError:
            allowed = (
                'addresses ("127.0.0.1", "::1"), networks ("10.0.0.0/8", no bit set after the prefix) and "unix", for connections '
                "over a Unix socket"
            )
            yield SettingsProblem("server.trusted_proxies", as_toml(proxy), allowed)


def _one_database(settings: Settings) -> Iterator[SettingsProblem]:
    mongodb = settings.storage.mongodb
    named = database_in(mongodb.uri)
    if named and mongodb.database and mongodb.database != named:
        yield SettingsProblem(
            "storage.mongodb.database",
            as_toml(mongodb.database),
            f"{as_toml(named)}, which storage.mongodb.uri names; if that is only the database of the login, write "
            f"?authSource={named} in the URI in place of /{named}",
        )


def _leases_are_renewed(settings: Settings) -> Iterator[SettingsProblem]:
    mongodb = settings.storage.mongodb
    least = _BEATS * mongodb.heartbeat_seconds
    if mongodb.lease_seconds < least:
        yield SettingsProblem(
            "storage.mongodb.lease_seconds",
            f"{mongodb.lease_seconds:g}",
            f"at least {least:g}, {_BEATS} times storage.mongodb.heartbeat_seconds",
        )


def _secret_is_long(settings: Settings) -> Iterator[SettingsProblem]:
    size = len(settings.auth.secret_key.encode())
    if 0 < size < SECRET_BYTES:
        yield SettingsProblem(
            "auth.secret_key", f"a secret of {size} bytes", f"{SECRET_BYTES} or more; to create one: {MAKE_SECRET}"
        )


def _argon2_has_memory(settings: Settings) -> Iterator[SettingsProblem]:
    auth = settings.auth
    least = 8 * auth.argon2_parallelism  # RFC 9106, 3.1
    if auth.argon2_memory_kib < least:
        yield SettingsProblem(
            "auth.argon2_memory_kib", str(auth.argon2_memory_kib), f"at least {least}, 8 for each of argon2_parallelism"
        )


def _login_is_complete(settings: Settings) -> Iterator[SettingsProblem]:
    mail = settings.mail
    if mail.username and not mail.password_file:
        yield SettingsProblem(
            "mail.password_file", "nothing", "a file: mail.username and mail.password_file go together"
        )
    if mail.password_file and not mail.username:
        yield SettingsProblem("mail.username", "nothing", "a name: mail.username and mail.password_file go together")


def _login_is_encrypted(settings: Settings) -> Iterator[SettingsProblem]:
    mail = settings.mail
    if mail.username and mail.tls == "none" and not is_local(mail.host):
        yield SettingsProblem("mail.tls", '"none", with a login, to another machine', '"starttls" or "tls"')


def _ehlo_is_address(settings: Settings) -> Iterator[SettingsProblem]:
    name = settings.mail.ehlo
    if not name.startswith("["):
        return
    try:
        if name.startswith("[IPv6:"):
            ipaddress.IPv6Address(name[6:-1])
        else:
            ipaddress.IPv4Address(name[1:-1])
    except ValueError:
        yield SettingsProblem(
            "mail.ehlo", as_toml(name), 'an address in brackets ("[192.0.2.1]", "[IPv6:2001:db8::1]")'
        )


def _provider_is_complete(settings: Settings) -> Iterator[SettingsProblem]:
    oidc = settings.auth.oidc
    if not oidc.issuer:
        return
    if not oidc.client_id:
        yield SettingsProblem("auth.oidc.client_id", "nothing", "the name of this application at auth.oidc.issuer")
    if "openid" not in oidc.scopes:
        yield SettingsProblem("auth.oidc.scopes", as_toml(oidc.scopes), 'a list with "openid"')
    if not settings.server.public_url:
        # The redirect URI is registered at the provider. It must not depend on what a request says.
        yield SettingsProblem("server.public_url", "nothing", "the URL that clients use: auth.oidc.issuer needs it")


def _at_most(lower: str, upper: str) -> tuple[set[str], _Rule]:
    def rule(settings: Settings) -> Iterator[SettingsProblem]:
        least, most = value_of(settings, lower), value_of(settings, upper)
        if least > most:
            yield SettingsProblem(lower, str(least), f"no more than {upper}, which is {most}")

    return {lower, upper}, rule


def _holds(size: str, *texts: str) -> tuple[set[str], _Rule]:
    """A rule that `size` bytes hold texts of full length, even if JSON needs 12 bytes for each character."""

    def rule(settings: Settings) -> Iterator[SettingsProblem]:
        needed = 256 + 12 * sum(value_of(settings, text) for text in texts)
        if value_of(settings, size) < needed:
            yield SettingsProblem(
                size, str(value_of(settings, size)), f"at least {needed}, for {' and '.join(texts)} in JSON"
            )

    return {size, *texts}, rule


_RULES: tuple[tuple[set[str], _Rule], ...] = (
    ({"server.host", "server.tls_cert", "server.trusted_proxies", "server.insecure"}, _reachable_without_tls),
    ({"server.host", "metrics.host"}, _hosts_are_hosts),
    ({"server.tls_cert", "server.tls_key"}, _tls_in_pairs),
    ({"server.trusted_proxies"}, _proxies_are_networks),
    ({"storage.mongodb.uri", "storage.mongodb.database"}, _one_database),
    ({"storage.mongodb.lease_seconds", "storage.mongodb.heartbeat_seconds"}, _leases_are_renewed),
    ({"auth.secret_key"}, _secret_is_long),
    ({"auth.argon2_memory_kib", "auth.argon2_parallelism"}, _argon2_has_memory),
    ({"mail.username", "mail.password_file"}, _login_is_complete),
    ({"mail.username", "mail.host", "mail.tls"}, _login_is_encrypted),
    ({"mail.ehlo"}, _ehlo_is_address),
    ({"auth.oidc.issuer", "auth.oidc.client_id", "auth.oidc.scopes", "server.public_url"}, _provider_is_complete),
    _at_most("limits.password_min", "limits.password_max"),
    _at_most("limits.room_password_min", "limits.password_max"),
    _at_most("limits.username_min", "limits.username_max"),
    _at_most("limits.room_id_min", "limits.room_id_max"),
    _at_most("limits.invite_days", "limits.invite_days_max"),
    _holds("limits.frame_bytes", "limits.message_chars", "limits.nonce_chars"),
    _holds("limits.body_bytes", "limits.room_name_max", "limits.room_description_max", "limits.password_max"),
)
