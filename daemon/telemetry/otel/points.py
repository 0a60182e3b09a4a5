"""What Prometheus would scrape, as plain points of OpenTelemetry's kinds. Pure.

Names are those of docs/operations.md, with the suffixes that Prometheus wants: a collector that hands them
on to one changes nothing. All sums and histograms are cumulative.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple, TypeAlias

from prometheus_client.core import Metric as Family

Labels: TypeAlias = Mapping[str, str]

_UNITS = {"seconds": "s", "bytes": "By"}
"""UCUM's, by the words in names."""


class Number(NamedTuple):
    """One value of a counter or a gauge."""

    labels: Labels
    value: float


class Buckets(NamedTuple):
    """One histogram; `counts` has one more than `bounds`, for what is above all of them."""

    labels: Labels
    bounds: Sequence[float]
    counts: Sequence[int]
    sum: float


class Metric(NamedTuple):
    """A metric with all its series."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    unit: str
    numbers: Sequence[Number]
    buckets: Sequence[Buckets]


def metrics(families: Iterable[Family]) -> Iterator[Metric]:
    """Yield what is in `families` that has a value."""
    for family in families:
        metric = _metric(family)
        if metric.numbers or metric.buckets:
            yield metric


def _metric(family: Family) -> Metric:
    unit = next((_UNITS[word] for word in family.name.split("_") if word in _UNITS), "")
    if family.type == "histogram":
        return Metric(
            family.name, "histogram", family.documentation, unit, (), [*_histograms(family)]
        )
    is_counter = family.type == "counter"
    name = f"{family.name}_total" if is_counter else family.name
    numbers = [
        Number(sample.labels, sample.value) for sample in family.samples if sample.name == name
    ]
    kind: Literal["counter", "gauge"] = "counter" if is_counter else "gauge"
    return Metric(name, kind, family.documentation, unit, numbers, ())


def _histograms(family: Family) -> Iterator[Buckets]:
    below: dict[tuple[tuple[str, str], ...], list[tuple[float, int]]] = {}
    sums: dict[tuple[tuple[str, str], ...], float] = {}
    for sample in family.samples:
        series = tuple((name, value) for name, value in sample.labels.items() if name != "le")
        if sample.name == f"{family.name}_bucket":
            bound = float(sample.labels["le"])
            below.setdefault(series, []).append((bound, int(sample.value)))
        elif sample.name == f"{family.name}_sum":
            sums[series] = sample.value
    for series, cumulative in below.items():
        counts = [0, *[count for _, count in cumulative]]
        bounds = [bound for bound, _ in cumulative[:-1]]
        yield Buckets(
            dict(series),
            bounds,
            [upper - lower for lower, upper in pairwise(counts)],
            sums.get(series, 0.0),
        )
