"""The store: does it open, is it of this version, is it whole, is there room."""

import shutil
from pathlib import Path

import trio

from reichatd.doctor.findings import Finding, Note, error, ok, skipped, warning
from reichatd.doctor.target import Target
from reichatd.store import NewerSchema, StoreError

_MIB = 1024 * 1024
_LITTLE = 1024 * _MIB
_TOO_LITTLE = 64 * _MIB
_LONG_LOG = 256 * _MIB
_SHARE = 0.8
"""Of the time for this check, what looking through the file may take."""

_FOR_A_NEWER_SCHEMA = (
    "start the newer reichatd again; or put this store aside, and restore the backup that was made before the upgrade"
)


async def check(patient: Target, note: Note) -> None:
    await _CHECKS[patient.settings.storage.backend](patient, note)


async def _sqlite(patient: Target, note: Note) -> None:
    from reichatd.store.sqlite.inspection import inspect, processes_with_removed

    file, seconds = patient.data_file, patient.seconds * _SHARE
    note(_disk(file))
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
                "see that the path is right and the file the daemon's; else restore a backup",
            )
        )
        return
    if facts is None:
        note(ok("store.opens", f"{file} is not there yet: the first start makes it"))
        return
    note(ok("store.opens", f"{file}, {facts.data_bytes / _MIB:,.1f} MiB"))
    note(_schema(facts.version, facts.known))
    note(_integrity(facts.fault, seconds))
    if facts.log_bytes > _LONG_LOG:
        found = f"the write-ahead log has {facts.log_bytes / _MIB:,.0f} MiB"
        note(
            warning("store.log", found, "some program has been reading the file for long: end it, the log then shrinks")
        )
    else:
        note(ok("store.log", f"the write-ahead log has {facts.log_bytes / _MIB:,.1f} MiB"))


def _lost(file: Path, holders: list[int]) -> Finding:
    processes = ", ".join(map(str, holders))
    return error(
        "store.lost",
        f"{file}, or its -wal or -shm, was removed or replaced while process {processes} has it open",
        "do not stop that process: copy the data out of it first, as reichatd(8) says (A store that was removed)",
    )


def _schema(version: int, known: int) -> Finding:
    code = "store.schema"
    if version > known:
        return error(code, f"version {version}; this reichatd knows versions up to {known}", _FOR_A_NEWER_SCHEMA)
    if version < known:
        return ok(code, f"version {version}: the next start brings it to {known} (make a backup before an upgrade)")
    return ok(code, f"version {version}")


def _integrity(fault: str | None, seconds: float) -> Finding:
    code = "store.integrity"
    if fault is None:
        return skipped(code, f"not looked through to the end within {seconds:g} s", "give it time: --timeout 600")
    if fault:
        return error(code, f"the file is damaged: {fault}", "stop the daemon, keep a copy, restore the last backup")
    return ok(code, "the file is whole")


def _disk(file: Path) -> Finding:
    code, folder = "store.disk", file.absolute().parent
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    found = f"{free / _MIB:,.0f} MiB free in {folder}"
    if free < _TOO_LITTLE:
        return error(code, found, "make room: messages are refused when the disk is full")
    if free < _LITTLE:
        return warning(code, found, "make room before the disk is full, or keep fewer messages")
    return ok(code, found)


async def _mongodb(patient: Target, note: Note) -> None:
    from reichatd.store.mongodb.inspection import inspect

    settings = patient.settings.storage.mongodb
    try:
        facts = await trio.to_thread.run_sync(inspect, settings, abandon_on_cancel=True)
    except StoreError as problem:
        note(
            error(
                "store.opens",
                str(problem),
                "see that it runs, that storage.mongodb.uri is right and its user may log in",
            )
        )
        return
    note(ok("store.opens", f"{facts.where}, version {facts.server}"))
    if facts.version is None:
        note(ok("store.schema", f"the database {settings.store_database} is empty: the first start lays it out"))
    else:
        note(_schema(facts.version, facts.known))
    if not facts.replicated:
        note(
            warning(
                "store.replica_set",
                "a standalone server: there is no second copy, and messages can be lost if its disk is",
                "make it a replica set, if only of one node for now (rs.initiate())",
            )
        )
    else:
        note(ok("store.replica_set", "a replica set or a cluster"))
        note(_majority(facts.majority))


def _majority(majority: tuple[int, int] | None) -> Finding:
    code = "store.write_concern"
    if majority is None:
        return skipped(code, "this login may not see the members' state (it takes the role clusterMonitor)")
    answering, needed = majority
    found = f"{answering} members with data answer, a write waits for {needed}"
    if answering < needed:
        return error(code, found, "bring members back: until then no message is stored")
    return ok(code, found)


_CHECKS = {"sqlite": _sqlite, "mongodb": _mongodb}
"""By the name of the backend: what can be found out differs."""
