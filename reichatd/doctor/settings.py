"""Settings that are right and yet may not be what somebody wants. (Those that are wrong end before this.)"""

from reichatd.doctor.findings import Note, ok, skipped, warning
from reichatd.doctor.target import Target


async def check(patient: Target, note: Note) -> None:
    settings, server = patient.settings, patient.settings.server
    note(ok("settings.valid", str(patient.config_file or "no file found: the defaults and the environment")))
    if server.insecure:
        note(
            warning(
                "settings.insecure",
                "server.insecure: passwords and messages cross the network readable",
                "put a proxy with TLS before it (etc/nginx, etc/caddy) or set server.tls_cert; then take insecure out",
            )
        )
    if "*" in server.allowed_origins:
        note(
            warning(
                "settings.origins",
                'server.allowed_origins has "*": pages of every site may call and open sockets here',
                "name the sites that are meant",
            )
        )
    if not server.public_url:
        found = "server.public_url is not set"
        if patient.url:
            note(skipped("settings.public_url", f"{found}: the URL that was given stands in for it here", "set it"))
        else:
            unknown = f"{found}: what clients find from outside is not known"
            note(skipped("settings.public_url", unknown, "set it, or name it with --url"))
    if settings.mail.backend == "console" and server.public_url:
        note(
            warning(
                "settings.mail",
                'mail.backend is "console": verification codes are printed where the daemon runs, and nowhere else',
                'for people elsewhere to register, set mail.backend = "smtp" and the rest of [mail]',
            )
        )
