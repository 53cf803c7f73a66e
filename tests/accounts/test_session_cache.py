"""The cache of sessions."""

from reichatd.accounts.session_cache import Identity, SessionCache
from reichatd.store import Session, User

USER = User("u1", "ada@example.org", "ada", "", 0.0)
ADA = Identity(USER, Session("s1", "u1", "", 0.0, 1e9))
BOB = Identity(USER, Session("s2", "u1", "", 0.0, 1e9))


def test_an_entry_is_valid_for_a_while() -> None:
    cache = SessionCache(5.0)
    assert cache.get("s1", 100.0) is None
    cache.keep(ADA, 100.0, cache.changes)
    assert cache.get("s1", 104.9) is ADA
    assert cache.get("s1", 105.0) is None
    assert cache.get("s1", 99.0) is None, "an entry does not last longer if the clock is set back"


def test_ended_sessions_are_removed() -> None:
    cache = SessionCache(5.0)
    for identity in (ADA, BOB):
        cache.keep(identity, 100.0, cache.changes)
    cache.forget(["s1", "s0"])
    assert cache.get("s1", 100.0) is None
    assert cache.get("s2", 100.0) is BOB
    cache.forget_all()
    assert cache.get("s2", 100.0) is None


def test_a_read_that_began_before_a_change_is_not_cached() -> None:
    cache = SessionCache(5.0)
    before = cache.changes
    cache.forget(["s1"])
    cache.keep(ADA, 100.0, before)
    assert cache.get("s1", 100.0) is None


def test_the_cache_can_be_turned_off() -> None:
    cache = SessionCache(0.0)
    cache.keep(ADA, 100.0, cache.changes)
    assert cache.get("s1", 100.0) is None
