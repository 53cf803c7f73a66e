"""What decides about a post, without a store."""

from reichatd.store import Appended, Outcome
from reichatd.store.posting import Author

NOW = 1_700_000_000.0


def test_a_mute_ends() -> None:
    author = Author(muted_until=NOW)
    assert author.refusal(NOW - 0.001) == Appended(Outcome.MUTED, until=NOW)
    assert author.refusal(NOW) is None


def test_an_owner_is_never_muted_and_a_moderator_may_be() -> None:
    assert Author(is_owner=True, muted_until=NOW + 1).refusal(NOW) is None
    assert Author(is_moderator=True, muted_until=NOW + 1).refusal(NOW) is not None


def test_slow_mode() -> None:
    author = Author(slow_seconds=30, posted_at=NOW)
    assert author.refusal(NOW + 29.9) == Appended(Outcome.SLOW, until=NOW + 30)
    assert author.refusal(NOW + 30) is None
    assert Author(slow_seconds=30).refusal(NOW) is None
    assert Author(posted_at=NOW).refusal(NOW) is None


def test_slow_mode_takes_the_post_again_that_has_taken_the_turn() -> None:
    author = Author(slow_seconds=30, posted_at=NOW, turn="n1")
    assert author.refusal(NOW, "n1") is None
    assert author.refusal(NOW + 1, "n2") == author.refusal(NOW + 1) == Appended(Outcome.SLOW, until=NOW + 30)
    assert Author(slow_seconds=30, posted_at=NOW).refusal(NOW) is not None, "neither has a nonce"


def test_slow_mode_spares_owner_and_moderators() -> None:
    assert Author(is_owner=True, slow_seconds=30, posted_at=NOW).refusal(NOW) is None
    assert Author(is_moderator=True, slow_seconds=30, posted_at=NOW).refusal(NOW) is None


def test_a_clock_that_was_set_back_mutes_nobody() -> None:
    author = Author(slow_seconds=30, posted_at=NOW + 86_400)
    assert author.refusal(NOW) is None
    assert author.refusal(NOW + 86_400 - 29) is not None, "clocks of two daemons may differ a little"
