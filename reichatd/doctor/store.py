"""The store: whether it opens, its schema version, its integrity, and the free space."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from reichatd.doctor.daemons import daemon_findings, note_other_secret
from reichatd.doctor.findings import Finding, Note, error, ok, skipped, warning
from reichatd.doctor.target import Target
from reichatd.store import NewerSchema, StoreError

if TYPE_CHECKING:
    from reichatd.store.mongodb.inspection import Facts

_MIB = 1024 * 1024
_LOW_SPACE = 1024 * _MIB
_TOO_LOW_SPACE = 64 * _MIB
_LARGE_WAL = 256 * _MIB
_INTEGRITY_SHARE = 0.8
"""The part of this check's time limit that the integrity check may take."""

_FOR_A_NEWER_SCHEMA = (
    "start the newer reichatd again; or move this store away, and restore the backup that was made before the upgrade"
)


async def check(target: Target, note: Note) -> None:
    await _CHECKS[target.settings.storage.backend](target, note)


async def _sqlite(target: Target, note: Note) -> None:
    from reichatd.store.sqlite.inspection import inspect, processes_with_removed

    file, seconds = target.data_file, target.seconds * _INTEGRITY_SHARE
    note(_disk(file, target.settings.storage.min_free_bytes))
    if holders := await trio.to_thread.run_sync(processes_with_removed, file, abandon_on_cancel=True):
        note(_lost(file, holders))
    try:
        facts = await trio.to_thread.run_sync(inspect, file, seconds, abandon_on_cancel=True)
    except NewerSchema as problem:
        note(error("store.schema", str(problem), _FOR_A_NEWER_SCHEMA))
        return
    except StoreError as problem:
        note(
            error(
                "store.opens",
                str(problem),
                "check the path and the owner of the file; if both are right, restore a backup",
            )
        )
        return
    if facts is None:
        note(ok("store.opens", f"{file} does not exist yet: the first start creates it"))
        return
    note(ok("store.opens", f"{file}, {facts.data_bytes / _MIB:,.1f} MiB"))
    note(_schema(facts.version, facts.known, facts.version))
    if not facts.fault:
        await note_other_secret(target, facts.fingerprint, note)
    _note_missing_account(target, facts.has_users, note)
    note(_integrity(facts.fault, seconds))
    if facts.log_bytes > _LARGE_WAL:
        found = f"the write-ahead log has {facts.log_bytes / _MIB:,.0f} MiB"
        note(
            warning(
                "store.log", found, "a program has been reading the file for a long time: end it, and the log shrinks"
            )
        )
    else:
        note(ok("store.log", f"the write-ahead log has {facts.log_bytes / _MIB:,.1f} MiB"))


def _note_missing_account(target: Target, has_users: bool, note: Note) -> None:
    registration = target.settings.auth.registration
    if not has_users and registration != "open":
        found = f'nobody has an account yet, and auth.registration is "{registration}"'
        remedy = "open the invitation that the daemon printed at its start, or make another: reichatd invite"
        note(warning("store.accounts", found, remedy))


def _lost(file: Path, holders: list[int]) -> Finding:
    processes = ", ".join(map(str, holders))
    return error(
        "store.lost",
        f"{file}, or its -wal or -shm, was removed or replaced while process {processes} has it open",
        "do not stop that process: copy the data out of it first, as reichatd(8) says (A store that was removed)",
    )


def _schema(version: int, known: int, oldest: int, others: str = "") -> Finding:
    """The finding about the schema.

    Arguments:
        oldest: the oldest version that a program may know to use the store.
        others: what an upgrade means for other daemons on the store.
    """
    code = "store.schema"
    if oldest > known:
        return error(code, f"version {version}; this reichatd knows versions up to {known}", _FOR_A_NEWER_SCHEMA)
    if version > known:
        return ok(code, f"version {version}, which this reichatd can use, though it knows versions up to {known} only")
    if version < known:
        found = f"version {version}: the next start upgrades it to {known}{others} (make a backup before an upgrade)"
        return ok(code, found)
    return ok(code, f"version {version}")


def _integrity(fault: str | None, seconds: float) -> Finding:
    code = "store.integrity"
    if fault is None:
        return skipped(code, f"the check did not finish within {seconds:g} s", "give it more time: --timeout 600")
    if fault:
        return error(code, f"the file is damaged: {fault}", "stop the daemon, keep a copy, restore the last backup")
    return ok(code, "the file is intact")


def _disk(file: Path, min_free: int) -> Finding:
    code, folder = "store.disk", file.absolute().parent
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    found = f"{free / _MIB:,.0f} MiB free in {folder}"
    if free < min_free:
        found += f", less than storage.min_free_bytes ({min_free / _MIB:,.0f} MiB)"
        return error(code, found, "free some space: until then posts are refused")
    if free < _TOO_LOW_SPACE:
        return error(code, found, "free some space: messages are refused when the disk is full")
    if free < _LOW_SPACE:
        return warning(code, found, "free some space before the disk is full, or keep fewer messages")
    return ok(code, found)


async def _mongodb(target: Target, note: Note) -> None:
    from reichatd.store.mongodb.inspection import inspect

    settings = target.settings.storage.mongodb
    note(skipped("store.disk", "the server's disk is not visible here, so storage.min_free_bytes has no effect"))
    try:
        facts = await trio.to_thread.run_sync(inspect, settings, abandon_on_cancel=True)
    except StoreError as problem:
        note(
            error(
                "store.opens",
                str(problem),
                "check that it runs, that storage.mongodb.uri is right, and that its user can log in",
            )
        )
        return
    note(ok("store.opens", f"{facts.where}, version {facts.server}"))
    if facts.version is None:
        note(ok("store.schema", f"the database {settings.store_database} is empty: the first start creates the schema"))
    else:
        note(_schema(facts.version, facts.known, facts.oldest, _beside(facts)))
        await note_other_secret(target, facts.fingerprint, note)
        for finding in daemon_findings(facts.daemons, facts.oldest_beside):
            note(finding)
        _note_missing_account(target, facts.has_users, note)
    if not facts.replicated:
        note(
            warning(
                "store.replica_set",
                "a standalone server: there is no second copy, so messages are lost if its disk fails; and there are no "
                "transactions, so a second daemon on it is refused",
                "make it a replica set, for now with one node if necessary (rs.initiate())",
            )
        )
    else:
        note(ok("store.replica_set", "a replica set or a cluster"))
        note(_majority(facts.majority))


def _beside(facts: "Facts") -> str:
    if facts.oldest_beside > (facts.version or 0):
        return ", which older daemons do not understand: stop all daemons first"
    return ", beside which daemons of the version before can go on"


def _majority(majority: tuple[int, int] | None) -> Finding:
    code = "store.write_concern"
    if majority is None:
        return skipped(code, "this login cannot see the state of the members (that needs the role clusterMonitor)")
    answering, needed = majority
    found = f"{answering} members with data answer, and a write waits for {needed}"
    if answering < needed:
        return error(code, found, "restart the missing members: until then no message is stored")
    return ok(code, found)


_CHECKS = {"sqlite": _sqlite, "mongodb": _mongodb}
"""By the name of the backend: what can be found out differs."""
