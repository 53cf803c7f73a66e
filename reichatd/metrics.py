"""What the daemon tells Prometheus. The only module that knows prometheus_client.

Nothing is counted here but the delay of the event loop: each part keeps plain numbers of its own work, which are read when
somebody asks. The registry is this daemon's own, so that two daemons in one process do not mix.
"""

import platform
from collections.abc import Iterator, Mapping
from itertools import accumulate

import trio
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from reichatd import __version__
from reichatd.parts import Parts
from reichatd.store import Outcome
from reichatd.timings import BOUNDS, Timings

_LOOP_SECONDS = 0.25
"""How often the event loop is asked how late it is."""

_POSTS = [*(outcome.name.lower() for outcome in Outcome), "failed"]
_LOGINS = ["ok", "user_not_found", "invalid_password", "user_disabled", "unavailable"]
_LETTERS = ["sent", "deferred", "refused", "given_up", "dropped"]
"""Outcomes that are shown from the start: a rate needs a 0 to begin with."""


class Metrics(Collector):
    """All of them. Everything is called from the event loop."""

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
        """The metrics as text, and its type: the form that the Accept header asks for. Does not wait."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        parts = self._parts
        yield self._build()
        yield _gauge("reichatd_connections", "WebSockets that are in a room.", parts.hub.connections)
        yield _gauge("reichatd_live_rooms", "Rooms with somebody in them.", parts.hub.live_rooms)
        yield _gauge("reichatd_lagging_readers", "WebSockets behind their room's log.", parts.hub.lagging)
        yield _gauge("reichatd_tcp_connections", "Open connections of any kind.", parts.gateway.connections)
        yield _gauge(
            "reichatd_tcp_connections_max", "Connections that are taken at once.", parts.gateway.max_connections
        )
        yield _counter("reichatd_posts", "Posts by what became of them.", "outcome", parts.scribe.posts, _POSTS)
        yield CounterMetricFamily(
            "reichatd_deliveries",
            "Messages times the readers to whom they went.",
            value=parts.hub.broadcasts.deliveries,
        )
        yield _histogram(
            "reichatd_commit_duration_seconds", "One commit of posts and read marks.", parts.commits.timings
        )
        yield _histogram(
            "reichatd_broadcast_duration_seconds",
            "One round among the readers of a room who are in step.",
            parts.hub.broadcasts.rounds,
        )
        yield _histogram("reichatd_event_loop_delay_seconds", "How late the event loop woke a task.", self._loop_delay)
        faults = parts.store.failures
        yield _counter(
            "reichatd_store_errors",
            "Calls of the store that failed: it did not answer (unavailable), or anything else.",
            "kind",
            {"unavailable": faults.unavailable, "other": faults.other},
        )
        yield _counter("reichatd_logins", "Logins by outcome.", "outcome", parts.accounts.logins, _LOGINS)
        yield _gauge("reichatd_mail_queue_letters", "Letters neither sent nor given up.", parts.outbox.pending)
        yield _counter("reichatd_letters", "Attempts to send a letter.", "outcome", parts.outbox.outcomes, _LETTERS)

    def _build(self) -> Metric:
        labels = {
            "version": __version__,
            "python": platform.python_version(),
            "store": self._parts.settings.storage.backend,
        }
        family = GaugeMetricFamily("reichatd_build_info", "What is running; always 1.", labels=list(labels))
        family.add_metric(list(labels.values()), 1)
        return family


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=value)


def _counter(name: str, what: str, label: str, values: Mapping[str, int], known: list[str] | None = None) -> Metric:
    """A counter with a label; `known` are values of it that are shown even at 0."""
    family = CounterMetricFamily(name, what, labels=[label])
    for value, count in (dict.fromkeys(known or (), 0) | dict(values)).items():
        family.add_metric([value], count)
    return family


def _histogram(name: str, what: str, timings: Timings) -> Metric:
    bounds = [*map(str, BOUNDS), "+Inf"]
    buckets = list(zip(bounds, accumulate(timings.counts), strict=True))
    return HistogramMetricFamily(name, what, buckets=buckets, sum_value=timings.seconds)
