"""What all workers did together, from the metrics each of them serves. Pure.

Rule 1: totals only grow: what a worker did is not undone when it ends, and one that was started
anew begins at zero.
"""

from collections.abc import Iterable, Mapping

from prometheus_client.samples import Sample

from daemon.scaling.own_rate import ModelWork, Work
from daemon.telemetry import metric_names as names

_RECORDS = names.PREFIX + names.REQUESTS.name
_BATCHES = f"{names.PREFIX}{names.BATCH_ROWS.name}_count"
_ROWS = f"{names.PREFIX}{names.BATCH_ROWS.name}_sum"
_BUSY = names.PREFIX + names.EXECUTOR_BUSY.name


class WorkDone:
    """Adds up what it sees."""

    def __init__(self, label: str) -> None:
        """`label` tells in each sample which worker it is of; samples without it are passed over."""
        self._label = label
        self._before: dict[tuple[str, str, str], float] = {}
        self._totals: dict[tuple[str, str], float] = {}

    def see(self, samples: Iterable[Sample]) -> Work:
        """Take in the counters of this moment; return the totals since the first."""
        for key, value in self._counters(samples).items():
            _, name, model = key
            grown = value - self._before.get(key, 0.0)
            total = self._totals.get((name, model), 0.0)
            self._totals[name, model] = total + (grown if grown >= 0 else value)
            self._before[key] = value
        return self._work()

    def _counters(self, samples: Iterable[Sample]) -> Mapping[tuple[str, str, str], float]:
        """Return the values by worker, name and model, all other labels together."""
        found: dict[tuple[str, str, str], float] = {}
        for sample in samples:
            worker = sample.labels.get(self._label)
            if worker is not None and sample.name in {_RECORDS, _BATCHES, _ROWS, _BUSY}:
                key = (worker, sample.name, sample.labels.get("model", ""))
                found[key] = found.get(key, 0.0) + sample.value
        return found

    def _work(self) -> Work:
        models = {model for name, model in self._totals if name == _BATCHES}
        return Work(
            records=self._totals.get((_RECORDS, ""), 0.0),
            models={
                model: ModelWork(
                    batches=self._totals.get((_BATCHES, model), 0.0),
                    rows=self._totals.get((_ROWS, model), 0.0),
                    busy_s=self._totals.get((_BUSY, model), 0.0),
                )
                for model in models
            },
        )
