"""What alerts and dashboard ask of Prometheus, compared with what there is to ask for."""

import re

from daemon.telemetry.metric_names import METRICS, PREFIX

SUFFIXES = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
SERIES = {
    PREFIX + metric.name + suffix: metric for metric in METRICS for suffix in SUFFIXES[metric.kind]
}
# Of the scrape, of the alerts themselves, of a histogram, and of who gathers several workers.
OTHER_LABELS = {"job", "instance", "worker", "le", "__name__", "alertname", "alertstate"}
STANDARD = {"process_start_time_seconds", "process_resident_memory_bytes"}
"""What prometheus_client's ProcessCollector exports."""


def series(expression):
    """Return the names of the series that `expression` asks for."""
    return set(re.findall(rf"\b(?:{PREFIX}|process_)[a-z_]+", expression))


def labels(expression):
    """Return the labels that it selects by or groups by."""
    selected = re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', expression)
    grouped = re.findall(r"\b(?:by|on|ignoring|without)\s*\(([^)]*)\)", expression)
    return {*selected, *[name.strip() for group in grouped for name in group.split(",")]} - {""}


def unknown(expression):
    """Return the series and labels that nothing exports."""
    asked = series(expression)
    known = {label for name in asked & SERIES.keys() for label in SERIES[name].labels}
    return (asked - SERIES.keys() - STANDARD) | (labels(expression) - known - OTHER_LABELS)


def misused(expression):
    """Return counters that are read without a rate, and gauges with one."""
    bare = re.sub(r'"[^"]*"', "", expression)
    rated = set(re.findall(rf"\b(?:rate|increase)\(({PREFIX}\w+)", bare))
    return {
        name
        for name in series(bare) & SERIES.keys()
        if (SERIES[name].kind == "gauge") == (name in rated)
    }
