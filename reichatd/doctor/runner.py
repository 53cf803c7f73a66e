"""Runs the checks: all at once, each in its own time, none able to spoil the others."""

from collections.abc import Awaitable, Callable, Sequence
from traceback import extract_tb
from typing import NamedTuple

import trio

from reichatd.doctor import clock, daemon, files, mail, secret, settings, store, url
from reichatd.doctor.findings import Finding, Note, error
from reichatd.doctor.target import Target


class Check(NamedTuple):
    """One area.

    Arguments:
        area: what its findings' codes begin with.
        run: notes what it finds. It may wait, and fail; what blocks it leaves to threads that may be abandoned.
        patience: how long it may take.
    """

    area: str
    run: Callable[[Target, Note], Awaitable[None]]
    patience: Callable[[Target], float] = lambda patient: patient.seconds


CHECKS = (
    Check("settings", settings.check),
    Check("files", files.check),
    Check("secret", secret.check),
    Check("store", store.check),
    Check("mail", mail.check),
    Check("clock", clock.check),
    Check("daemon", daemon.check),
    Check("url", url.check, lambda patient: patient.seconds + patient.idle_seconds),
)


async def examine(patient: Target, checks: Sequence[Check] = CHECKS) -> list[Finding]:
    """All findings, in the order of the checks. Raises nothing but Cancelled."""
    findings: list[list[Finding]] = [[] for _ in checks]
    async with trio.open_nursery() as nursery:
        for check, found in zip(checks, findings, strict=True):
            nursery.start_soon(_run, check, patient, found.append)
    return [finding for found in findings for finding in found]


async def _run(check: Check, patient: Target, note: Note) -> None:
    code, seconds = f"{check.area}.examined", check.patience(patient)
    with trio.move_on_after(seconds) as scope:
        try:
            await check.run(patient, note)
        except Exception as failure:
            # Not its text: it may quote anything.
            place = extract_tb(failure.__traceback__)[-1]
            what = f"the check itself failed: {type(failure).__name__}, {place.filename}, line {place.lineno}"
            note(error(code, what, "this is a fault of reichatd: report it with this line"))
    if scope.cancelled_caught:
        note(
            error(
                code,
                f"no end after {seconds:g} s",
                "what was being looked at does not answer, or needs longer: see the findings before, or --timeout",
            )
        )
