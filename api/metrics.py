"""What the service counts about itself, in a registry of its own. It does not know questions' words: none is kept."""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest

_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """The counters of one application; two of them never share a number."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._questions = Counter(
            "askpolicy_questions", "Questions answered, by outcome.", ["outcome"], registry=self._registry
        )
        self._searches = Counter("askpolicy_searches", "Searches answered.", registry=self._registry)
        self._seconds = Histogram(
            "askpolicy_answer_seconds",
            "Seconds to an answer or to a search's hits.",
            ["endpoint"],
            registry=self._registry,
            buckets=_BUCKETS_S,
        )

    def answered(self, outcome: str, *, took_s: float) -> None:
        """Count a question that got `outcome`."""
        self._questions.labels(outcome).inc()
        self._seconds.labels("ask").observe(took_s)

    def searched(self, *, took_s: float) -> None:
        """Count a search."""
        self._searches.inc()
        self._seconds.labels("search").observe(took_s)

    def exposition(self) -> bytes:
        """All numbers, as Prometheus reads them."""
        return generate_latest(self._registry)
