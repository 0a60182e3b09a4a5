"""Spans and metrics for OpenTelemetry, where `otel.endpoint` asks for them.

- `export.py`: sends spans and metrics by OTLP, in threads; the one file that needs the extra `otel`
- `names.py`: every name that OpenTelemetry gets to see, but for those of metrics
- `points.py`: what Prometheus would scrape, as plain points of OpenTelemetry's kinds
- `reporting.py`: what a process tells while it lives: opens and closes all of this
- `spans.py`: what a batch and a request were, as spans
- `tracing.py`: takes what ran and what was answered, and hands on their spans
"""
