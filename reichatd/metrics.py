"""The metrics for Prometheus. The only module that imports prometheus_client.

Only the delay of the event loop is measured here. Each part keeps plain counters of its own work, which are read at a scrape. The
registry belongs to this daemon, so that two daemons in one process do not mix.
"""

import platform
from collections.abc import Iterable, Iterator
from itertools import accumulate

import trio
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from reichatd import __version__
from reichatd.parts import Parts
from reichatd.timings import BOUNDS, Timings

_LOOP_SECONDS = 0.25
"""How often the delay of the event loop is measured."""


class Metrics(Collector):
    """All metrics. All methods are called from the event loop."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._loop_delay = Timings()
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Measures how late the event loop is, until cancelled."""
        task_status.started()
        while True:
            due = trio.current_time() + _LOOP_SECONDS
            await trio.sleep_until(due)
            self._loop_delay.note(trio.current_time() - due)

    def expose(self, accept: str) -> tuple[bytes, str]:
        """The metrics as text, and the content type, in the format that the Accept header asks for. Does not wait."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def collect(self) -> Iterator[Metric]:
        """Called by the registry at each scrape."""
        parts = self._parts
        yield self._build()
        yield _gauge("reichatd_connections", "WebSockets in rooms.", parts.hub.connections)
        yield _gauge("reichatd_live_rooms", "Rooms with at least one WebSocket.", parts.hub.live_rooms)
        yield _gauge("reichatd_lagging_readers", "WebSockets behind their room's log.", parts.hub.lagging)
        yield _gauge("reichatd_tcp_connections", "Open connections of any kind.", parts.gateway.connections)
        yield _gauge(
            "reichatd_tcp_connections_max",
            "The most connections that are served at once.",
            parts.gateway.max_connections,
        )
        yield _counter("reichatd_posts", "Posts by outcome.", "outcome", parts.scribe.posts.items())
        yield CounterMetricFamily(
            "reichatd_deliveries",
            "Messages times the readers that they were sent to.",
            value=parts.hub.counters.deliveries,
        )
        yield _counter(
            "reichatd_changes",
            "Changes of messages (edits, deletions, reactions, pins) by outcome.",
            "outcome",
            parts.scribe.changes.items(),
        )
        yield CounterMetricFamily(
            "reichatd_changes_delivered",
            "Changes of messages times the readers that they were sent to.",
            value=parts.hub.counters.changes,
        )
        yield _histogram(
            "reichatd_commit_duration_seconds", "One commit of posts and read marks.", parts.commits.timings
        )
        yield _histogram(
            "reichatd_broadcast_duration_seconds",
            "One broadcast to the readers of a room that do not lag.",
            parts.hub.counters.rounds,
        )
        yield _histogram("reichatd_event_loop_delay_seconds", "How late the event loop woke a task.", self._loop_delay)
        yield _gauge(
            "reichatd_store_daemons", "Daemons on the store, as of the last heartbeat.", len(parts.heartbeat.daemons)
        )
        yield _gauge(
            "reichatd_housekeeping",
            "1 at the daemon that does the housekeeping for all on the store, else 0.",
            int(parts.heartbeat.is_keeper),
        )
        faults = parts.store.failures
        yield _counter(
            "reichatd_store_errors",
            "Failed store operations: the store did not answer (unavailable), or any other error.",
            "kind",
            [("unavailable", faults.unavailable), ("other", faults.other)],
        )
        yield _counter("reichatd_logins", "Logins by outcome.", "outcome", parts.accounts.logins.outcomes.items())
        yield _counter("reichatd_refusals", "Actions that a limit against abuse refused.", "limit", parts.refusals())
        yield _gauge("reichatd_mail_queue_letters", "Mails that wait to be sent.", parts.outbox.pending)
        yield _counter(
            "reichatd_letters", "Attempts to send a mail, by outcome.", "outcome", parts.outbox.outcomes.items()
        )

    def _build(self) -> Metric:
        labels = {
            "version": __version__,
            "python": platform.python_version(),
            "store": self._parts.settings.storage.backend,
        }
        family = GaugeMetricFamily("reichatd_build_info", "The running version; always 1.", labels=list(labels))
        family.add_metric(list(labels.values()), 1)
        return family


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, label: str, counts: Iterable[tuple[str, int]]) -> Metric:
    """A counter with a label; `counts` has each value of the label with its count."""
    family = CounterMetricFamily(name, text, labels=[label])
    for value, count in counts:
        family.add_metric([value], count)
    return family


def _histogram(name: str, text: str, timings: Timings) -> Metric:
    bounds = [*map(str, BOUNDS), "+Inf"]
    buckets = list(zip(bounds, accumulate(timings.counts), strict=True))
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=timings.seconds)
