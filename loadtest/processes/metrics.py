"""One scrape of a daemon's /metrics, and the few questions asked of it. Pure."""

import math
from collections import Counter
from collections.abc import Iterator
from typing import TypeAlias

from prometheus_client.parser import text_string_to_metric_families

_PREFIX = "tidemill_"
_WORKER = "worker"
"""Under `tidemill supervise` each worker's samples have its slot as this label, the group's none."""

Labels: TypeAlias = frozenset[tuple[str, str]]


class Metrics:
    """Samples by name, without the prefix `tidemill_`."""

    def __init__(self, text: str) -> None:
        """Read the text format of Prometheus."""
        self._samples = [
            (sample.name.removeprefix(_PREFIX), sample.labels, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        ]

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of all samples of `name` that have these labels; 0 when there are none."""
        return sum(
            value
            for found, its_labels, value in self._samples
            if found == name and labels.items() <= its_labels.items()
        )

    def by(self, label: str, name: str, **labels: str) -> Counter[str]:
        """Return the same sum for each value of `label`, the largest first."""
        sums: Counter[str] = Counter()
        for found, its_labels, value in self._samples:
            if found == name and label in its_labels and labels.items() <= its_labels.items():
                # Counts are whole; seconds do not come this way.
                sums[its_labels[label]] += int(value)
        return Counter(dict(sums.most_common()))

    def known(self, name: str) -> float:
        """Return the sum of all samples of `name`; NaN when there are none."""
        values = [value for found, _, value in self._samples if found == name]
        return sum(values) if values else math.nan

    def of_group(self, name: str) -> float:
        """Return a figure that a supervisor gives for its whole group, beside those of its workers.

        These are not added to the group's: they say the same of a part of it. Without a supervisor,
        or as long as it does not see the group, the workers' add up to it. NaN without any.
        """
        found = [(labels, value) for name_, labels, value in self._samples if name_ == name]
        own = [value for labels, value in found if _WORKER not in labels]
        return sum(own or [value for _, value in found]) if found else math.nan

    def workers(self, name: str = "") -> set[str]:
        """Return which workers have samples, of `name` if it is given.

        "" is a process that has no others beside it.
        """
        return {
            labels.get(_WORKER, "") for found, labels, _ in self._samples if name in {"", found}
        }

    def series(self, name: str) -> Iterator[tuple[Labels, float]]:
        """Yield all samples of `name` by their labels."""
        for found, labels, value in self._samples:
            if found == name:
                yield frozenset(labels.items()), value

    def labels(self, name: str) -> list[dict[str, str]]:
        """Return the labels of all samples of `name`."""
        return [dict(labels) for found, labels, _ in self._samples if found == name]

    def mean(self, name: str, **labels: str) -> float:
        """Return the mean of a histogram; 0 when nothing was observed."""
        count = self.total(f"{name}_count", **labels)
        return self.total(f"{name}_sum", **labels) / count if count else 0.0


class Increase:
    """By how much a counter grew over several scrapes, in each of its series.

    A series that fell has begun anew, since its process did. What a worker had counted before it was
    seen for the first time is left out; a series that comes later counts whole.
    """

    def __init__(self, name: str) -> None:
        """`name`: of the counter, without the prefix."""
        self._name = name
        self._workers: set[str] = set()
        self._last: dict[Labels, float] = {}
        self._grown: dict[Labels, float] = {}

    def saw(self, metrics: Metrics) -> None:
        """Take up one scrape."""
        for labels, value in metrics.series(self._name):
            is_new = dict(labels).get(_WORKER, "") not in self._workers
            last = self._last.get(labels, value if is_new else 0.0)
            more = value - last if value >= last else value
            self._last[labels] = value
            self._grown[labels] = self._grown.get(labels, 0.0) + more
        self._workers |= metrics.workers()

    def total(self) -> float:
        """Return the increase of all series together; NaN when none was ever seen."""
        return sum(self._grown.values()) if self._grown else math.nan

    def by(self, *names: str) -> Counter[tuple[str, ...]]:
        """Return the whole increase by the values of these labels."""
        sums: Counter[tuple[str, ...]] = Counter()
        for labels, grown in self._grown.items():
            values = dict(labels)
            sums[tuple(values.get(name, "") for name in names)] += int(grown)
        return sums
