"""Whether a post is taken, beside the membership: what the group commit decides, in every store alike. Pure.

A further rule is a field of `Author`, which both stores fill from what they read in the commit, and a line in `refusal`.
"""

import msgspec

from reichatd.store.records import Appended, Outcome


class Author(msgspec.Struct, kw_only=True):
    """A member of a room, as the commit in progress knows them: all that decides about their posts.

    Arguments:
        slow_seconds: the room's.
        muted_until, posted_at: see `Standing`. The batch keeps `posted_at` up to date.
        turn: the nonce of the post at `posted_at`, where turns are taken before posts are stored; that post is never too early.
        in_direct: whether the room is a direct conversation.
        is_blocked: whether the other one there has blocked the author.
        members_pin: whether members may pin messages there.
    """

    is_owner: bool = False
    is_moderator: bool = False
    slow_seconds: int = 0
    muted_until: float = 0.0
    posted_at: float = 0.0
    turn: str | None = None
    in_direct: bool = False
    is_blocked: bool = False
    members_pin: bool = False

    @property
    def leads(self) -> bool:
        """Whether the author is the owner or a moderator."""
        return self.is_owner or self.is_moderator

    @property
    def members_may_pin(self) -> bool:
        """Whether each member of the room may pin messages."""
        return self.members_pin or self.in_direct

    @property
    def may_pin(self) -> bool:
        return self.leads or self.members_may_pin

    @property
    def is_slowed(self) -> bool:
        """Whether the room's slow mode applies."""
        return self.slow_seconds > 0 and not self.leads

    def is_muted(self, at: float) -> bool:
        """Whether a mute applies at this time, in seconds since the epoch."""
        return at < self.muted_until and not self.is_owner

    def is_silenced(self, at: float) -> bool:
        """Whether others decided that no post is taken at this time. Slow mode, which only spaces posts out, is not meant."""
        return self.is_blocked or self.is_muted(at)

    def refusal(self, at: float, nonce: str | None = None) -> Appended | None:
        """Why a post is refused; None if it is taken. A post that is stored already is not to be refused.

        Arguments:
            at: the time of the post, in seconds since the epoch.
            nonce: of the post.
        """
        if self.is_blocked:
            return Appended(Outcome.BLOCKED)
        if self.is_muted(at):
            return Appended(Outcome.MUTED, until=self.muted_until)
        # The distance counts: after a clock was set back, an author must not wait until it reaches the last post again.
        is_early = abs(at - self.posted_at) < self.slow_seconds and (nonce is None or nonce != self.turn)
        if self.is_slowed and is_early:
            return Appended(Outcome.SLOW, until=self.posted_at + self.slow_seconds)
        return None
