"""The tables [retention], [audit], [log] and [metrics]."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from reichatd.settings.kinds import Host, Port
from reichatd.settings.tables import Reload, Table


class RetentionSettings(Table, frozen=True):
    """How long messages are kept in rooms that have no limits of their own."""

    reload: ClassVar[Reload] = Reload.APPLIED

    keep_days: Annotated[int, Meta(ge=0, le=36_500)] = 0
    keep_messages: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    """How many days messages are kept, and how many messages each room keeps. 0: no limit. If both are set, the one that removes
    more applies. Removed messages cannot be restored; `reichatd retention run --dry-run` shows what would be removed.
    `reichatd retention set ROOM_ID ...` sets limits for one room."""

    interval_minutes: Annotated[float, Meta(gt=0, le=1440)] = 10.0
    """How often the daemon removes old messages."""


class AuditSettings(Table, frozen=True):
    """The audit log. Each entry has the action, its actor, its target, the client's address and the time. `reichatd audit` shows
    it. It has no messages."""

    reload: ClassVar[Reload] = Reload.APPLIED

    days: Annotated[int, Meta(ge=1, le=36_500)] = 180
    """How many days its entries are kept."""

    address_days: Annotated[int, Meta(ge=1, le=36_500)] = 30
    """How many days its entries keep the IP addresses of clients. With log.addresses = false, they never have any."""


class LogSettings(Table, frozen=True):
    """The daemon's log. reichatd(8), "Log", explains each line of level warning or above, and what to do."""

    reload: ClassVar[Reload] = Reload.APPLIED

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The lowest level that is logged: "debug", "info", "warning" or "error". Passwords, tokens, codes and messages are never
    logged."""

    format: Literal["auto", "console", "json"] = "auto"
    """"console" is for people, "json" for programs. "auto" is "console" if standard error is a terminal, else "json"."""

    addresses: bool = True
    """Whether log lines show the IP addresses of clients. With false, new login sessions and audit entries store none either; users
    then do not see where their sessions began. Without addresses in the log, fail2ban finds nothing to ban."""

    queue_lines: Annotated[int, Meta(ge=1, le=1_000_000)] = 5000
    """How many lines are queued while nothing reads standard error. (A line longer than 1 KiB counts as several.) Further lines are
    dropped, because the daemon never waits for its log. The log says how many when it is read again."""


class MetricsSettings(Table, frozen=True):
    """Metrics for monitoring."""

    enabled: bool = False
    host: Host = "127.0.0.1"
    port: Port = 9464
    """Serve /metrics for Prometheus, and also /healthz and /readyz, on a separate port. It needs no login. The metrics show how
    busy the daemon is, but not which users talk to each other. Let only this machine or your own network reach the port."""
