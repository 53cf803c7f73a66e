"""Who can read what: the data, the settings, the keys."""

import os
import pwd
import shlex
import stat
from pathlib import Path

from reichatd.doctor.findings import Finding, Note, error, ok, skipped, warning
from reichatd.doctor.target import Target
from reichatd.store import backend_for

_OTHERS = 0o007


async def check(patient: Target, note: Note) -> None:
    server, mail = patient.settings.server, patient.settings.mail
    if data_file := backend_for(patient.settings.storage, patient.data_file).file:
        note(_data(data_file))
    note(_config(patient))
    for key, name in (("server.tls_key", server.tls_key), ("mail.password_file", mail.password_file)):
        if name and not _is_credential(Path(name), patient.credentials):
            note(_closed(f"files.{key.rpartition('.')[2]}", f"{key}, {name}", Path(name)))


def _data(file: Path) -> Finding:
    code, folder = "files.data", file.parent
    there = file if file.exists() else folder
    if not there.exists():
        return ok(code, f"{file} is not there yet: the first start makes it")
    owner, oneself = there.stat().st_uid, os.geteuid()
    if owner != oneself:
        # Whether the daemon may write, only its own user can try.
        who = f"{there} is {_name(owner)}'s, and this is {_name(oneself)}"
        return skipped(code, who, f"to try it as the daemon would: sudo -u {_name(owner)} reichatd doctor")
    if not os.access(folder, os.W_OK | os.X_OK) or (file.exists() and not os.access(file, os.R_OK | os.W_OK)):
        return error(code, f"{there} cannot be written", f"chmod u+rwX {shlex.quote(str(folder))}, and the file in it")
    return _closed(code, str(there), there)


def _config(patient: Target) -> Finding:
    code, file = "files.config", patient.config_file
    if file is None:
        return ok(code, "there is no settings file")
    secret_keys = [
        key for key in ("auth.secret_key", "storage.mongodb.uri") if patient.sources[key].startswith("file ")
    ]
    if not secret_keys:
        return ok(code, f"{file} holds no secret")
    return _closed(code, f"{file}, which holds {' and '.join(secret_keys)}", file)


def _closed(code: str, what: str, file: Path) -> Finding:
    """Whether others cannot use a file, or a directory."""
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError as problem:
        return error(code, f"{what}: {problem.strerror}", "see that it is there, and readable for the daemon's user")
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
