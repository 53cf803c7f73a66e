"""The secret that signs all tokens."""

import zlib

from reichatd.doctor.findings import Finding, Note, error, ok, warning
from reichatd.doctor.target import Target

_INCOMPRESSIBLE_BYTES = 24
"""A random secret of sufficient length never compresses to less."""


async def check(target: Target, note: Note) -> None:
    note(_presence(target))
    if target.secret is not None:
        note(_strength(target.secret))


def _presence(target: Target) -> Finding:
    code = "secret.present"
    if target.secret_problem:
        return error(code, target.secret_problem, "fix it and restart: without its secret the daemon does not start")
    if target.secret is None:
        return ok(code, f"{target.secret_file} does not exist yet: the first start creates it")
    given = target.sources["auth.secret_key"]
    return ok(code, f"from {target.secret_file if given == 'default' else given}")


def _strength(secret: bytes) -> Finding:
    code = "secret.strength"
    # Detects some secrets that are not random. It does not prove that one is.
    deflate = zlib.compressobj(zlib.Z_BEST_COMPRESSION, wbits=-zlib.MAX_WBITS)
    size = len(deflate.compress(secret) + deflate.flush())
    if size < _INCOMPRESSIBLE_BYTES:
        return warning(
            code,
            f"{len(secret)} bytes that repeat themselves, worth at most {size}",
            "create a random one (openssl rand -hex 32); all users then have to log in again",
        )
    return ok(code, f"{len(secret)} bytes")
