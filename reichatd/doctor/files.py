"""Who can read the data, the settings and the keys."""

import os
import pwd
import shlex
import stat
from pathlib import Path

from reichatd.doctor.findings import Finding, Note, error, ok, skipped, warning
from reichatd.doctor.target import Target
from reichatd.store import backend_for

_OTHERS = 0o007


async def check(target: Target, note: Note) -> None:
    server, mail, oidc = target.settings.server, target.settings.mail, target.settings.auth.oidc
    if data_file := backend_for(target.settings.storage, target.data_file).file:
        note(_data(data_file))
    note(_config(target))
    for key, name in (
        ("server.tls_key", server.tls_key),
        ("mail.password_file", mail.password_file),
        ("auth.oidc.client_secret_file", oidc.client_secret_file),
    ):
        if name and not _is_credential(Path(name), target.credentials):
            note(_closed_to_others(f"files.{key.rpartition('.')[2]}", f"{key}, {name}", Path(name)))


def _data(file: Path) -> Finding:
    code, folder = "files.data", file.parent
    existing = file if file.exists() else folder
    if not existing.exists():
        return ok(code, f"{file} does not exist yet: the first start creates it")
    owner, user = existing.stat().st_uid, os.geteuid()
    if owner != user:
        # Only the daemon's own user can find out whether the daemon can write.
        who = f"{existing} belongs to {_name(owner)}, and this runs as {_name(user)}"
        return skipped(code, who, f"run this as the daemon's user: sudo -u {_name(owner)} reichatd doctor")
    if not os.access(folder, os.W_OK | os.X_OK) or (file.exists() and not os.access(file, os.R_OK | os.W_OK)):
        return error(
            code, f"{existing} cannot be written", f"chmod u+rwX {shlex.quote(str(folder))}, and the file in it"
        )
    return _closed_to_others(code, str(existing), existing)


def _config(target: Target) -> Finding:
    code, file = "files.config", target.config_file
    if file is None:
        return ok(code, "there is no settings file")
    secret_keys = [
        key
        for key in ("auth.secret_key", "auth.oidc.client_secret", "storage.mongodb.uri")
        if target.sources[key].startswith("file ")
    ]
    if not secret_keys:
        return ok(code, f"{file} holds no secret")
    return _closed_to_others(code, f"{file}, which holds {' and '.join(secret_keys)}", file)


def _closed_to_others(code: str, what: str, file: Path) -> Finding:
    """Whether a file or directory gives others no permission."""
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError as problem:
        return error(code, f"{what}: {problem.strerror}", "check that it exists and that the daemon's user can read it")
    if mode & _OTHERS:
        return warning(code, f"{what}: open to others (mode {mode:04o})", f"chmod o= {shlex.quote(str(file))}")
    return ok(code, f"{what}: closed to others")


def _is_credential(file: Path, credentials: Path | None) -> bool:
    return credentials is not None and file.resolve().is_relative_to(credentials.resolve())


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"#{user}"
