"""Settings that are valid, but may not be intended. (Invalid ones are reported before any check runs.)"""

from urllib.parse import urlsplit

from reichatd.doctor.findings import Note, ok, skipped, warning
from reichatd.doctor.target import Target
from reichatd.hosts import UNIX_PEER, is_local, unix_path

_REGISTRATION = {
    "open": "anyone may register (auth.registration)",
    "invite": "people with an invitation may register: `reichatd invite` makes one (auth.registration)",
    "closed": "only people with an invitation from an administrator may register: `reichatd invite` (auth.registration)",
}


async def check(target: Target, note: Note) -> None:
    settings, server = target.settings, target.settings.server
    note(ok("settings.valid", str(target.config_file or "no file found: the defaults and the environment")))
    if server.insecure:
        note(
            warning(
                "settings.insecure",
                "server.insecure: passwords and messages cross the network unencrypted",
                "put a proxy with TLS in front of it (etc/nginx, etc/caddy) or set server.tls_cert; then remove insecure",
            )
        )
    if "*" in server.allowed_origins:
        note(
            warning(
                "settings.origins",
                'server.allowed_origins has "*": pages of every website may send requests and open WebSockets here',
                "name the intended sites",
            )
        )
    if not server.public_url:
        found = "server.public_url is not set"
        if target.url:
            note(skipped("settings.public_url", f"{found}: this run uses the given URL in its place", "set it"))
        else:
            unknown = f"{found}: what clients see from outside is not known"
            note(skipped("settings.public_url", unknown, "set it, or give it with --url"))
    note(ok("settings.registration", _REGISTRATION[settings.auth.registration]))
    if _is_behind_untrusted_proxy(target):
        peer = UNIX_PEER if all(map(unix_path, server.hosts)) else "127.0.0.1"
        note(
            warning(
                "settings.proxies",
                f"clients reach {target.url} through a proxy, but server.trusted_proxies is empty: all clients have its "
                "address, so that one of them uses up the limits of all, and fail2ban bans all",
                f'set server.trusted_proxies = ["{peer}"], or the address that the proxy has here, and restart',
            )
        )
    if settings.mail.backend == "console" and server.public_url:
        note(
            warning(
                "settings.mail",
                'mail.backend is "console": verification codes appear only in the output of the daemon',
                'so that others can register, set mail.backend = "smtp" and the rest of [mail]',
            )
        )


def _is_behind_untrusted_proxy(target: Target) -> bool:
    """Whether others can reach the daemon only through a proxy on this machine, whose word on addresses does not count."""
    server, host = target.settings.server, urlsplit(target.url).hostname
    return bool(host and not is_local(host) and not server.trusted_proxies and all(map(is_local, server.hosts)))
