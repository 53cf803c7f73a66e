"""[retention], [log] and [metrics]."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from reichatd.settings.kinds import Host, Port
from reichatd.settings.tables import Reload, Table


class RetentionSettings(Table, frozen=True):
    """For how long messages are kept, in rooms that do not say it themselves."""

    reload: ClassVar[Reload] = Reload.APPLIED

    keep_days: Annotated[int, Meta(ge=0, le=36_500)] = 0
    keep_messages: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    """For how many days, and how many of them in each room, messages are kept; 0 is for ever. Whichever removes more wins. What
    is removed is gone: `reichatd retention run --dry-run` says beforehand what that would be. A room can have limits of its own:
    `reichatd retention set ROOM_ID ...`."""

    interval_minutes: Annotated[float, Meta(gt=0, le=1440)] = 10.0
    """How often the daemon removes what has become too old."""


class LogSettings(Table, frozen=True):
    """What the daemon says. What each line of level warning or above means, and what to do: reichatd(8), "Log"."""

    reload: ClassVar[Reload] = Reload.APPLIED

    level: Literal["debug", "info", "warning", "error"] = "info"
    """How much is told: "debug", "info", "warning" or "error". Passwords, tokens, codes and messages never are."""

    format: Literal["auto", "console", "json"] = "auto"
    """"console" for people, "json" for programs, "auto": by where standard error goes, a terminal or not."""

    queue_lines: Annotated[int, Meta(ge=1, le=1_000_000)] = 5000
    """Lines (of 1 KiB; a longer one counts as several) that wait while nothing reads standard error. Further ones are dropped, and
    a line tells how many once it is read again: the daemon never waits for its log."""


class MetricsSettings(Table, frozen=True):
    """What monitoring reads."""

    enabled: bool = False
    host: Host = "127.0.0.1"
    port: Port = 9464
    """Serve /metrics to Prometheus, and /healthz and /readyz, on a port of their own. There is no login: anyone who reaches it
    learns how much is going on, but nothing about who talks with others. Keep it to this machine or to a network of your own."""
