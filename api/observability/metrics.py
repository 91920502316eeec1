"""What the service counts about itself. It does not know questions' words: none is kept.

Of one process the numbers lie in a registry of their own; of several workers, in files that each of them sums up
(`SHARED` names their folder, which `api.serving.server` sets before any of them is started).
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from index.manifest import Manifest

_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_STAGE_BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
SHARED = "PROMETHEUS_MULTIPROC_DIR"


class Metrics:
    """The numbers of one application; two of them in one process never share any."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._serving = _Serving()
        registry.register(self._serving)
        self._questions = Counter(
            "askpolicy_questions", "Questions answered, by outcome.", ["outcome"], registry=registry
        )
        self._searches = Counter("askpolicy_searches", "Searches answered.", registry=registry)
        self._seconds = Histogram(
            "askpolicy_answer_seconds",
            "Seconds to an answer or to a search's hits, without waiting.",
            ["endpoint"],
            registry=registry,
            buckets=_BUCKETS_S,
        )
        self._stages = Histogram(
            "askpolicy_stage_seconds",
            "Seconds of each stage of an answer; `wait` is before it begins.",
            ["stage"],
            registry=registry,
            buckets=_STAGE_BUCKETS_S,
        )
        self._requests = Counter(
            "askpolicy_http_requests", "Requests by route and status.", ["route", "status"], registry=registry
        )
        self._request_seconds = Histogram(
            "askpolicy_http_seconds",
            "Seconds from a request's head to the end of its response.",
            ["route"],
            registry=registry,
            buckets=_BUCKETS_S,
        )
        self._refusals = Counter(
            "askpolicy_refused", "Requests refused, by problem: busy, took-too-long.", ["why"], registry=registry
        )
        self._closed = Counter(
            "askpolicy_connections_closed",
            "Connections closed by the service, by why: too-many-connections, reader-stalled.",
            ["why"],
            registry=registry,
        )
        self._left = Counter("askpolicy_clients_left", "Requests whose client left unanswered.", registry=registry)
        self._rate_limited = Counter(
            "askpolicy_rate_limited", "Requests over a rate limit, by what is limited.", ["limit"], registry=registry
        )
        self._audit_missed = Counter(
            "askpolicy_audit_missed", "Lines that could not be written to the audit log.", registry=registry
        )
        self._running = Gauge(
            "askpolicy_running", "Requests that are being answered.", registry=registry, multiprocess_mode="livesum"
        )
        self._waiting = Gauge(
            "askpolicy_waiting", "Requests that wait for a thread.", registry=registry, multiprocess_mode="livesum"
        )
        self._exchanges = Counter("askpolicy_index_opened", "Index versions opened.", registry=registry)
        self._refused_versions = Counter(
            "askpolicy_index_refused", "Published index versions that did not open.", registry=registry
        )

    def describe_index(self, manifest: Callable[[], Manifest | None]) -> None:
        """Let `manifest` tell which index version serves, or None, whenever the numbers are read."""
        self._serving.manifest = manifest

    def answered(self, outcome: str, *, took_s: float) -> None:
        """Count a question that got `outcome`."""
        self._questions.labels(outcome).inc()
        self._seconds.labels("ask").observe(took_s)

    def searched(self, *, took_s: float) -> None:
        """Count a search."""
        self._searches.inc()
        self._seconds.labels("search").observe(took_s)

    def staged(self, stages_ms: Mapping[str, float]) -> None:
        """Count how long each stage took."""
        for name, took_ms in stages_ms.items():
            self._stages.labels(name).observe(took_ms / 1_000)

    def responded(self, route: str, status: int, *, took_s: float) -> None:
        """Count a request that is over; `route` is a template such as /v1/policies/{policy_id}."""
        self._requests.labels(route, str(status)).inc()
        self._request_seconds.labels(route).observe(took_s)

    def refused(self, why: str) -> None:
        """Count a request that was refused; `why` is its problem's slug."""
        self._refusals.labels(why).inc()

    def closed(self, why: str) -> None:
        """Count a connection that the service closed on its client."""
        self._closed.labels(why).inc()

    def left(self) -> None:
        """Count a request whose client left before it was answered."""
        self._left.inc()

    def rate_limited(self, limit: str) -> None:
        """Count a request over the limit of an "address", a "key", a "widget token", its "visitor" or "network"."""
        self._rate_limited.labels(limit).inc()

    def audit_missed(self) -> None:
        """Count a line that could not be written to the audit log."""
        self._audit_missed.inc()

    def queued(self, *, running: int, waiting: int) -> None:
        """Note how many requests run and wait."""
        self._running.set(running)
        self._waiting.set(waiting)

    def exchanged(self) -> None:
        """Count an index version that was opened."""
        self._exchanges.inc()

    def refused_version(self) -> None:
        """Count a published version that did not open."""
        self._refused_versions.inc()

    def exposition(self) -> bytes:
        """All numbers, as Prometheus reads them."""
        if SHARED not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        registry.register(self._serving)
        return generate_latest(registry)

    def end(self) -> None:
        """Leave the sums of several workers: what this one had under way counts no longer."""
        if SHARED in os.environ:
            mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]


class _Serving(Collector):
    """The version that serves, and its age, as of the moment when they are read."""

    def __init__(self) -> None:
        self.manifest: Callable[[], Manifest | None] = lambda: None

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        manifest = self.manifest()
        info = InfoMetricFamily("askpolicy_index", "The index version that serves.")
        age = GaugeMetricFamily("askpolicy_index_age_seconds", "Seconds since the version that serves was built.")
        if manifest is not None:
            info.add_metric([], {"version": manifest.version, "model": manifest.model})
            age.add_metric([], max(0.0, time.time() - datetime.fromisoformat(manifest.built_at).timestamp()))
        yield info
        yield age
