"""Sessions that were read a moment ago."""

from reichatd.accounts.session_cache import Identity, SessionCache
from reichatd.store import Session, User

USER = User("u1", "ada@example.org", "ada", "", 0.0)
ADA = Identity(USER, Session("s1", "u1", "", 0.0, 1e9))
BOB = Identity(USER, Session("s2", "u1", "", 0.0, 1e9))


def test_a_read_counts_for_a_while() -> None:
    recent = SessionCache(5.0)
    assert recent.get("s1", 100.0) is None
    recent.keep(ADA, 100.0, recent.changes)
    assert recent.get("s1", 104.9) is ADA
    assert recent.get("s1", 105.0) is None
    assert recent.get("s1", 99.0) is None, "a clock that was set back makes nothing last longer"


def test_what_has_ended_is_forgotten() -> None:
    recent = SessionCache(5.0)
    for identity in (ADA, BOB):
        recent.keep(identity, 100.0, recent.changes)
    recent.forget(["s1", "s0"])
    assert recent.get("s1", 100.0) is None
    assert recent.get("s2", 100.0) is BOB
    recent.forget_all()
    assert recent.get("s2", 100.0) is None


def test_a_read_from_before_a_change_is_not_kept() -> None:
    recent = SessionCache(5.0)
    before = recent.changes
    recent.forget(["s1"])
    recent.keep(ADA, 100.0, before)
    assert recent.get("s1", 100.0) is None


def test_none_are_kept_if_nobody_wants_it() -> None:
    recent = SessionCache(0.0)
    recent.keep(ADA, 100.0, recent.changes)
    assert recent.get("s1", 100.0) is None
