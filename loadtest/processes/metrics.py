"""One scrape of a daemon's /metrics, and the few questions asked of it. Pure."""

from collections import Counter

from prometheus_client.parser import text_string_to_metric_families

_PREFIX = "tidemill_"


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

    def has(self, name: str) -> bool:
        """Return whether there is any sample of `name`."""
        return any(found == name for found, _, _ in self._samples)

    def labels(self, name: str) -> list[dict[str, str]]:
        """Return the labels of all samples of `name`."""
        return [dict(labels) for found, labels, _ in self._samples if found == name]

    def counts(self, name: str, *labels: str) -> Counter[tuple[str, ...]]:
        """Return the whole sums of `name` by the values of these labels."""
        sums: Counter[tuple[str, ...]] = Counter()
        for found, its_labels, value in self._samples:
            if found == name:
                sums[tuple(its_labels.get(label, "") for label in labels)] += int(value)
        return sums

    def mean(self, name: str, **labels: str) -> float:
        """Return the mean of a histogram; 0 when nothing was observed."""
        count = self.total(f"{name}_count", **labels)
        return self.total(f"{name}_sum", **labels) / count if count else 0.0
