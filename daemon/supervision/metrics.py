"""The supervisor's own metrics: its workers by state, and how often it had to start some again."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from daemon.supervision.slot import Cause, State
from daemon.telemetry import metric_names as names


class SupervisionMetrics(Collector):
    """`census` tells how many slots are in each state."""

    def __init__(self, census: Callable[[], Mapping[State, int]]) -> None:
        self._census = census
        # They are there from the start, so that the first restart is an increase.
        causes = [cause for cause in Cause if cause is not Cause.ASKED]
        self._restarts: Counter[str] = Counter(dict.fromkeys(map(str, causes), 0))

    def restarted(self, cause: Cause) -> None:
        """A worker ended unasked."""
        self._restarts[cause] += 1

    def collect(self) -> Iterator[Family]:
        """Yield the metrics of this moment."""
        census = self._census()
        yield _family(
            names.WORKERS, {str(s): count for s, count in census.items() if s is not State.EMPTY}
        )
        yield _family(names.WORKER_RESTARTS, self._restarts)

    def describe(self) -> list[Family]:
        """Return nothing: names are checked by the table, not by a collection at registration."""
        return []


def _family(metric: names.Metric, values: Mapping[str, int]) -> Family:
    (label,) = metric.labels
    name = names.PREFIX + metric.name
    family = Family(name.removesuffix("_total"), metric.meaning, metric.kind)
    for value, count in values.items():
        family.add_sample(name, {label: value}, count)
    return family
