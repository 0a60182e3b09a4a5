"""Sends spans and metrics by OTLP, in threads; nothing here holds up the line.

What cannot be sent is dropped: few spans wait, and metrics are told anew each time. The SDK's own
variables say the rest: OTEL_EXPORTER_OTLP_HEADERS, OTEL_EXPORTER_OTLP_CERTIFICATE.
"""

import time
from collections.abc import Iterable

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import export as sdk
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from daemon.telemetry.otel import names
from daemon.telemetry.otel.points import Buckets, Metric, Number
from daemon.telemetry.otel.spans import Context, Span

_TIMEOUT_S = 5.0
"""Of one request; half of OTLP's usual one, so that an end is not held up for long."""
_MOST_SPANS = 512
"""That wait to be sent; one with all its links takes 40 KB. The SDK's 2,048 could take 80 MB."""
_SPANS_AT_ONCE = 128
"""A quarter of those that wait, as the SDK has it (512 of 2,048)."""
_SEND_EVERY_MS = 1_000
"""The SDK waits five seconds; fewer may wait here, so they leave more often."""
_SCOPE = InstrumentationScope(names.SCOPE)


class Export:
    """Where spans and metrics of one process go."""

    def __init__(
        self,
        endpoint: str,
        *,
        role: str,
        service: str,
        instance: str,
        version: str,
    ) -> None:
        """`endpoint`: the address of an OTLP receiver over HTTP."""
        self._resource = Resource.create(
            {
                names.SERVICE: service,
                names.INSTANCE: instance,
                names.VERSION: version,
                names.ROLE: role,
            }
        )
        address = endpoint.rstrip("/")
        self._spans = BatchSpanProcessor(
            OTLPSpanExporter(f"{address}/v1/traces", timeout=_TIMEOUT_S),
            max_queue_size=_MOST_SPANS,
            max_export_batch_size=_SPANS_AT_ONCE,
            schedule_delay_millis=_SEND_EVERY_MS,
        )
        self._metrics = OTLPMetricExporter(f"{address}/v1/metrics", timeout=_TIMEOUT_S)
        self._began_ns = time.time_ns()

    def ended(self, span: Span) -> None:
        """Take a span that has ended."""
        self._spans.on_end(
            ReadableSpan(
                span.name,
                _sdk_context(span.context),
                None if span.parent is None else _sdk_context(span.parent, remote=True),
                self._resource,
                span.attributes,
                links=[Link(_sdk_context(each, remote=True)) for each in span.links],
                kind=SpanKind.INTERNAL if span.parent is None else SpanKind.CONSUMER,
                status=Status(StatusCode.UNSET if span.failed is None else StatusCode.ERROR),
                start_time=span.began_ns,
                end_time=span.ended_ns,
                instrumentation_scope=_SCOPE,
            )
        )

    def send_metrics(self, metrics: Iterable[Metric]) -> bool:
        """Send `metrics` as they are now, return whether they were taken; waits for the receiver."""
        now_ns = time.time_ns()
        scope = sdk.ScopeMetrics(_SCOPE, [self._sdk_metric(each, now_ns) for each in metrics], "")
        data = sdk.MetricsData([sdk.ResourceMetrics(self._resource, [scope], "")])
        return self._metrics.export(data) is sdk.MetricExportResult.SUCCESS

    def close(self) -> None:
        """Send the spans that wait, and end; waits for the receiver."""
        self._spans.shutdown()  # type: ignore[no-untyped-call]  # the SDK does not say
        self._metrics.shutdown()

    def _sdk_metric(self, metric: Metric, now_ns: int) -> sdk.Metric:
        data: sdk.DataT
        cumulative = sdk.AggregationTemporality.CUMULATIVE
        match metric.kind:
            case "counter":
                numbers = [self._number(each, now_ns) for each in metric.numbers]
                data = sdk.Sum(numbers, cumulative, is_monotonic=True)
            case "gauge":
                data = sdk.Gauge([self._number(each, now_ns) for each in metric.numbers])
            case "histogram":
                data = sdk.Histogram(
                    [self._buckets(each, now_ns) for each in metric.buckets], cumulative
                )
        return sdk.Metric(metric.name, metric.meaning, metric.unit, data)

    def _number(self, number: Number, now_ns: int) -> sdk.NumberDataPoint:
        return sdk.NumberDataPoint(number.labels, self._began_ns, now_ns, number.value)

    def _buckets(self, buckets: Buckets, now_ns: int) -> sdk.HistogramDataPoint:
        return sdk.HistogramDataPoint(
            buckets.labels,
            self._began_ns,
            now_ns,
            sum(buckets.counts),
            buckets.sum,
            buckets.counts,
            buckets.bounds,
            None,  # type: ignore[arg-type]  # the least and the most are not kept; OTLP needs neither
            None,  # type: ignore[arg-type]  # as above
        )


def _sdk_context(context: Context, *, remote: bool = False) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if context.sampled else TraceFlags.DEFAULT)
    return SpanContext(context.trace_id, context.span_id, remote, flags)
