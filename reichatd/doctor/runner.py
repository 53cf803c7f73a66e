"""Runs all checks at the same time, each with its own time limit. A check that fails does not affect the others."""

from collections.abc import Awaitable, Callable, Sequence
from traceback import extract_tb
from typing import NamedTuple

import trio

from reichatd.doctor import clock, daemon, files, mail, oidc, secret, settings, store, url
from reichatd.doctor.findings import Finding, Note, error
from reichatd.doctor.target import Target


class Check(NamedTuple):
    """The check of one area.

    Arguments:
        area: the first part of its findings' codes.
        run: passes on its findings. May wait, and raise any error. Must leave blocking calls to threads that can be abandoned.
        time_limit: in seconds.
    """

    area: str
    run: Callable[[Target, Note], Awaitable[None]]
    time_limit: Callable[[Target], float] = lambda target: target.seconds


CHECKS = (
    Check("settings", settings.check),
    Check("files", files.check),
    Check("secret", secret.check),
    Check("store", store.check),
    Check("mail", mail.check),
    Check("oidc", oidc.check),
    Check("clock", clock.check),
    Check("daemon", daemon.check),
    Check("url", url.check, lambda target: target.seconds + target.idle_seconds),
)


async def examine(target: Target, checks: Sequence[Check] = CHECKS) -> list[Finding]:
    """Returns all findings, in the order of the checks. Raises nothing but Cancelled."""
    findings: list[list[Finding]] = [[] for _ in checks]
    async with trio.open_nursery() as nursery:
        for check, found in zip(checks, findings, strict=True):
            nursery.start_soon(_run, check, target, found.append)
    return [finding for found in findings for finding in found]


async def _run(check: Check, target: Target, note: Note) -> None:
    code, seconds = f"{check.area}.examined", check.time_limit(target)
    with trio.move_on_after(seconds) as scope:
        try:
            await check.run(target, note)
        except Exception as failure:
            # Without the text of the error, which may quote a secret.
            place = extract_tb(failure.__traceback__)[-1]
            what = f"the check itself failed: {type(failure).__name__}, {place.filename}, line {place.lineno}"
            note(error(code, what, "this is a bug in reichatd: report it with this line"))
    if scope.cancelled_caught:
        note(
            error(
                code,
                f"not finished after {seconds:g} s",
                "what is checked here does not answer, or needs more time: see the findings above, or set --timeout",
            )
        )
