"""The secret that all tokens are signed with."""

import zlib

from reichatd.doctor.findings import Finding, Note, error, ok, warning
from reichatd.doctor.target import Target

_INCOMPRESSIBLE_BYTES = 24
"""To fewer than this nothing that is random and long enough is ever compressed."""


async def check(patient: Target, note: Note) -> None:
    note(_presence(patient))
    if patient.secret is not None:
        note(_strength(patient.secret))


def _presence(patient: Target) -> Finding:
    code = "secret.present"
    if patient.secret_problem:
        return error(
            code, patient.secret_problem, "mend it, and start anew: without its secret the daemon does not start"
        )
    if patient.secret is None:
        return ok(code, f"{patient.secret_file} is not there yet: the first start makes it")
    given = patient.sources["auth.secret_key"]
    return ok(code, f"from {patient.secret_file if given == 'default' else given}")


def _strength(secret: bytes) -> Finding:
    code = "secret.strength"
    # No proof that it is random, but a sign where it is not.
    deflate = zlib.compressobj(zlib.Z_BEST_COMPRESSION, wbits=-zlib.MAX_WBITS)
    size = len(deflate.compress(secret) + deflate.flush())
    if size < _INCOMPRESSIBLE_BYTES:
        return warning(
            code,
            f"{len(secret)} bytes that repeat themselves, worth {size} at the most",
            "make a random one (openssl rand -hex 32); with a new one everybody has to log in again",
        )
    return ok(code, f"{len(secret)} bytes")
