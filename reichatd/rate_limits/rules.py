"""The limits, as a table. Each row has the action, the counting key, the window and the setting with the number."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import NamedTuple

from reichatd.settings import LimitSettings

_FIVE_MINUTES = 300
_HOUR = 3600
_DAY = 86_400


class Action(Enum):
    """What is limited. The values are for logs and metrics."""

    LOGIN = "login"
    """Password checks of an account; the subject is its e-mail address. Of right ones, only the work counts."""
    VERIFY = "verify"
    """Tries of a verification code; the subject is the e-mail address."""
    TOTP = "totp"
    """Codes of a second factor and recovery codes; the subject is the user id. Right ones are given back."""
    ROOM_PASSWORD = "room_password"
    """Password checks of a room; the subject is the room id. Of right ones, only the work counts."""
    INVITE = "invite"
    """Tries of the token of an invitation; without a subject. Right ones are given back."""
    PROVIDER = "provider"
    """States and codes of logins at a provider; without a subject. Right ones are given back."""
    MAIL = "mail"
    """Mails to an address, which is the subject, without what follows a "+" before the "@"."""
    ROOM = "room"
    """Rooms made; the subject is the user id of the creator."""
    DIRECT = "direct"
    """Direct conversations begun; the subject is the user id of the one who begins."""
    EXPORT = "export"
    """Downloads of a user's own data; the subject is the user id."""


class Scope(Enum):
    """By what an action is counted. The values are for logs."""

    CLIENT = "client"
    """All that one client does, whatever the subject."""
    WORK = "work for a client"
    """As CLIENT, but right passwords count too: to check them is as much work."""
    PAIR = "client and subject"
    """What one client does with one subject."""
    SUBJECT = "subject"
    """What all clients do with one subject. A client that is known to the subject is exempt: no stranger can lock it out."""
    SHARE = "share of one client"
    """A part of the SUBJECT number, for one client: a single stranger cannot use up what others need."""


class Rule(NamedTuple):
    """At most `amount` times in `seconds`. The window slides."""

    scope: Scope
    amount: Callable[[LimitSettings], int]
    """The number in force; 0 is no limit."""
    seconds: int


def _guesses(subject_hour: Callable[[LimitSettings], int]) -> tuple[Rule, ...]:
    """For secrets that can be guessed, regardless of their owner."""
    return (
        Rule(Scope.WORK, lambda limits: limits.password_checks_per_client, _FIVE_MINUTES),
        Rule(Scope.CLIENT, lambda limits: limits.guesses_per_client, _FIVE_MINUTES),
        Rule(Scope.PAIR, lambda limits: limits.guesses_per_subject_and_client, _FIVE_MINUTES),
        Rule(Scope.SHARE, lambda limits: (subject_hour(limits) + 1) // 2, _HOUR),
        Rule(Scope.SUBJECT, subject_hour, _HOUR),
    )


RULES: Mapping[Action, tuple[Rule, ...]] = {
    Action.LOGIN: _guesses(lambda limits: limits.guesses_per_subject_hour),
    Action.ROOM_PASSWORD: _guesses(lambda limits: limits.guesses_per_subject_hour),
    Action.TOTP: (
        Rule(Scope.PAIR, lambda limits: limits.totp_tries, _FIVE_MINUTES),
        Rule(Scope.PAIR, lambda limits: limits.totp_tries_per_day, _DAY),
        Rule(Scope.SUBJECT, lambda limits: limits.totp_tries, _FIVE_MINUTES),
        Rule(Scope.SUBJECT, lambda limits: limits.totp_tries_per_day, _DAY),
    ),
    Action.VERIFY: (
        Rule(Scope.CLIENT, lambda limits: limits.guesses_per_client, _FIVE_MINUTES),
        Rule(Scope.PAIR, lambda limits: limits.codes_per_address_hour, _HOUR),
    ),
    # These cannot be guessed: the limit only bounds what a client that tries it costs.
    Action.INVITE: (Rule(Scope.CLIENT, lambda limits: limits.guesses_per_client, _FIVE_MINUTES),),
    Action.PROVIDER: (Rule(Scope.CLIENT, lambda limits: limits.guesses_per_client, _FIVE_MINUTES),),
    Action.MAIL: (
        Rule(Scope.CLIENT, lambda limits: limits.mails_per_client_hour, _HOUR),
        # By the hourly number, one client cannot use up an address's day.
        Rule(Scope.SHARE, lambda limits: limits.mails_per_address_hour, _DAY),
        Rule(Scope.SUBJECT, lambda limits: limits.mails_per_address_hour, _HOUR),
        Rule(Scope.SUBJECT, lambda limits: limits.mails_per_address_day, _DAY),
    ),
    Action.DIRECT: (Rule(Scope.SUBJECT, lambda limits: limits.directs_per_user_hour, _HOUR),),
    Action.EXPORT: (Rule(Scope.SUBJECT, lambda limits: limits.exports_per_user_day, _DAY),),
    Action.ROOM: (Rule(Scope.SUBJECT, lambda limits: limits.rooms_per_user_hour, _HOUR),),
}
