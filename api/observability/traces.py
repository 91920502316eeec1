"""Traces for OpenTelemetry: a span a request, and inside it one for each stage of an answer. No question's words.

Where no collector is named, nothing is recorded. What the SDK reads from `OTEL_*` (sampling, headers, resource) holds.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from api.settings import BadSetting
from qa.stages import Stage

_INCOMING = TraceContextTextMapPropagator()


class Traces:
    """Makes the spans of one application."""

    def __init__(self, collector: str | None) -> None:
        """Raises `BadSetting` where a collector is named and the SDK is not installed."""
        self._provider = self._tracer = None
        if collector is None:
            return
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise BadSetting(
                f"traces is {collector!r}, and OpenTelemetry's SDK is not installed: pip install 'askpolicy[traces]'"
            ) from error
        own = {"service.name": "askpolicy", "service.version": version("askpolicy")}
        # what OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say goes before
        self._provider = TracerProvider(resource=Resource(own).merge(Resource.create()))
        exporter = OTLPSpanExporter(endpoint=f"{collector.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("askpolicy")

    @contextmanager
    def request(self, method: str, headers: Mapping[str, str]) -> Iterator[Span]:
        """The span of a request, a child of the one that its `traceparent` names."""
        if self._tracer is None:
            yield INVALID_SPAN
            return
        parent: Context = _INCOMING.extract(headers)
        with self._tracer.start_as_current_span(method, parent, SpanKind.SERVER) as span:
            yield span

    def stages(self, request: Span, stages: Sequence[Stage]) -> None:
        """Tell the span `request` the stages of its answer."""
        if self._tracer is None:
            return
        inside = set_span_in_context(request)
        for stage in stages:
            span = self._tracer.start_span(stage.name, inside, start_time=stage.began_ns)
            span.end(stage.began_ns + int(stage.took_ms * 1_000_000))

    def end(self) -> None:
        """Send what is not sent yet."""
        if self._provider is not None:
            self._provider.shutdown()
