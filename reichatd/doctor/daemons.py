"""The daemons on the store, and the secret that they share."""

from collections.abc import Iterator, Sequence

import trio

from reichatd.accounts.keys import Keys
from reichatd.doctor.findings import Finding, Note, error, ok, skipped, warning
from reichatd.doctor.target import Target
from reichatd.store import RunningDaemon


async def note_other_secret(target: Target, fingerprint: str, note: Note) -> None:
    """Notes whether the store is used with the daemon's secret.

    Arguments:
        fingerprint: see `Keys.fingerprint`; "" if no daemon has stored one yet.
    """
    code = "store.secret"
    if not fingerprint:
        note(ok(code, "the store has no fingerprint of a secret yet: the next start stores one"))
    elif target.secret is None:
        note(skipped(code, "there is no secret here to compare with the one that the store is used with"))
    elif await trio.to_thread.run_sync(Keys(target.secret).has_fingerprint, fingerprint):
        note(ok(code, "the store is used with this secret"))
    else:
        note(
            error(
                code,
                "the store is used with another secret: the daemon does not start",
                f"put the secret of the other daemons, or of the last start, into {target.secret_file} (or auth.secret_key); if it "
                "is lost or has to be replaced: reichatd secret accept",
            )
        )


def daemon_findings(daemons: Sequence[RunningDaemon], oldest: int) -> Iterator[Finding]:
    """The findings about the daemons that run on the store.

    Arguments:
        oldest: the oldest version of the schema that a daemon may know beside this program.
    """
    code = "store.daemons"
    if not daemons:
        yield ok(code, "no daemon runs on the store")
        return
    names = ", ".join(f"{each.daemon.version} on {each.daemon.host} (process {each.daemon.pid})" for each in daemons)
    found = f"{len(daemons)} on the store: {names}"
    if any(each.schema < oldest for each in daemons):
        remedy = (
            "stop the older ones before the first start of this version: until then it refuses to upgrade the store"
        )
        yield warning(code, found, remedy)
    elif len(versions := {each.daemon.version for each in daemons}) > 1:
        yield warning(code, found, f"end the upgrade: {len(versions)} versions run")
    else:
        yield ok(code, found)
    keeper = next((each.daemon for each in daemons if each.is_keeper), None)
    if keeper:
        yield ok("store.housekeeping", f"by the daemon on {keeper.host} (process {keeper.pid})")
    else:
        yield warning("store.housekeeping", "no daemon does it now", "run this again in a minute; then see their logs")
