"""Who is typing in a room, and who has it open: states, which are neither stored nor queued. Pure.

A room has an `Activity` from the first connection on that wants to be told. What is decided here, `ActivityRounds` sends.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from reichatd.chat import frames
from reichatd.chat.connection import Connection
from reichatd.settings import LimitSettings

TYPING_SECONDS = 6.0
"""How long a name counts after it was sent, in the contract with clients. What the store says of a user counts as long."""


class Offer(NamedTuple):
    """A frame for one connection. If it is not sent, the next state is offered in its place."""

    connection: Connection
    frame: bytes


class _Standing(NamedTuple):
    """Whether a user's posts are refused, as the store said, and until when that counts, in Trio's time."""

    is_silenced: bool
    until: float


class _Wish:
    """What one connection wants, and what it was sent last."""

    __slots__ = ("presence", "shown", "shown_online", "typing")

    def __init__(self, wanted: Iterable[frames.Wanted]) -> None:
        self.typing = "typing" in wanted
        self.presence = "presence" in wanted
        self.shown: tuple[str, ...] = ()
        self.shown_online: frames.Presence | None = None


class Activity:
    """The users who are typing, and the connections that want to know. The room owns it. Nothing here waits.

    No one is shown whose posts would be refused. A user whose standing is not known is not shown either.
    """

    def __init__(self) -> None:
        self._wishes: dict[Connection, _Wish] = {}
        self._typing: dict[str, float] = {}  # until when, in Trio's time; who typed last is the last
        self._standings: dict[str, _Standing] = {}
        self._asked: set[str] = set()  # the users whose standing is being read
        self._told_typing_at = self._told_presence_at = float("-inf")
        self._has_typing_news = False
        self.has_presence_news = False
        """Whether connections have come or gone."""

    def want(self, connection: Connection, wanted: Iterable[frames.Wanted]) -> None:
        """The connection wants these states from here on, and no others."""
        wish = _Wish(wanted)
        if wish.typing or wish.presence:
            self._wishes[connection] = wish
            self._has_typing_news = self.has_presence_news = True
        else:
            self._wishes.pop(connection, None)

    def leave(self, connection: Connection) -> None:
        """The connection has left the room."""
        self._wishes.pop(connection, None)
        self.has_presence_news = True

    def typed(self, user_id: str, now: float) -> None:
        """A user is typing."""
        self._typing.pop(user_id, None)
        self._typing[user_id] = now + TYPING_SECONDS
        self._has_typing_news = True

    def stopped(self, user_id: str) -> None:
        """A user has sent what they typed, or has left."""
        if self._typing.pop(user_id, None) is not None:
            self._has_typing_news = True

    def forget(self, user_id: str) -> None:
        """A user may have been muted, or may post again: shown only after they type again and their standing is read again."""
        self._standings.pop(user_id, None)
        self._asked.discard(user_id)
        self.stopped(user_id)

    def due_at(self, limits: LimitSettings) -> float:
        """When the next state has to be sent, in Trio's time; infinity if nothing is new, or no one wants it."""
        if not self._wishes:
            return float("inf")
        typing = self._told_typing_at + limits.typing_seconds if self._has_typing_news else float("inf")
        presence = self._told_presence_at + limits.presence_seconds if self.has_presence_news else float("inf")
        return min(typing, presence)

    # --- typing

    def is_typing_due(self, now: float, limits: LimitSettings) -> bool:
        """Whether it is to be sent now who is typing, if that has changed."""
        return self._has_typing_news and now >= self._told_typing_at + limits.typing_seconds

    def ask(self, now: float) -> list[str]:
        """The users whose standing has to be read before `typing_offers`. What happens from now on is for the next time."""
        self._has_typing_news = False
        self._typing = {user_id: until for user_id, until in self._typing.items() if until > now}
        self._standings = {user_id: standing for user_id, standing in self._standings.items() if standing.until > now}
        listeners = {connection.user.user_id for connection, wish in self._wishes.items() if wish.typing}
        self._asked = {user_id for user_id in self._typing.keys() - self._standings.keys() if listeners - {user_id}}
        return list(self._asked)

    def answer(self, silenced: Collection[str], now: float) -> None:
        """The standing of the users that `ask` returned: those of them whose posts are refused."""
        until = now + TYPING_SECONDS
        self._standings |= {user_id: _Standing(user_id in silenced, until) for user_id in self._asked}
        self._asked.clear()

    def typing_offers(self, now: float, limits: LimitSettings) -> list[Offer]:
        """What is to be sent now about who is typing: to no one their own name."""
        latest = [
            user_id for user_id, until in reversed(self._typing.items()) if until > now and self._may_post(user_id)
        ]
        encoded: dict[tuple[str, ...], bytes] = {}
        offers = []
        for connection, wish in self._wishes.items():
            shown = tuple(_without(latest, connection.user.user_id, limits.typing_names))
            if wish.typing and (shown or wish.shown):
                if shown not in encoded:
                    encoded[shown] = frames.encode(frames.TypingUsers(list(shown)))
                offers.append(Offer(connection, encoded[shown]))
                wish.shown = shown
        if offers:
            self._told_typing_at = now
        return offers

    def _may_post(self, user_id: str) -> bool:
        standing = self._standings.get(user_id)
        return standing is not None and not standing.is_silenced

    # --- presence

    def is_presence_due(self, now: float, limits: LimitSettings) -> bool:
        """Whether it is to be sent now who has the room open, if that has changed."""
        return self.has_presence_news and now >= self._told_presence_at + limits.presence_seconds

    def presence_offers(self, now: float, user_ids: Sequence[str], *, with_ids: bool) -> list[Offer]:
        """What is to be sent now about who has the room open.

        Arguments:
            user_ids: of all connections in the room; a user with two of them counts once.
            with_ids: whether the room is so small that all are named.
        """
        self.has_presence_news, self._told_presence_at = False, now
        online = sorted(set(user_ids))
        presence = frames.Presence(len(online), online if with_ids else None)
        frame = frames.encode(presence)
        offers = []
        for connection, wish in self._wishes.items():
            if wish.presence and wish.shown_online != presence:
                offers.append(Offer(connection, frame))
                wish.shown_online = presence
        return offers

    def refused(self, connection: Connection) -> None:
        """The connection did not take what it was offered: it is offered the next state."""
        wish = self._wishes.get(connection)
        if wish is not None:
            wish.shown_online = None
            self._has_typing_news = self._has_typing_news or wish.typing
            self.has_presence_news = self.has_presence_news or wish.presence


def _without(user_ids: Iterable[str], own: str, at_most: int) -> list[str]:
    others = [user_id for user_id in user_ids if user_id != own]
    return others[:at_most]
