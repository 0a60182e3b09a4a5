"""What is in flight because requests are gathered, run and committed, and is no backlog. Pure."""

from collections.abc import Mapping

from config.settings import Lane, Settings


class ExpectedInFlight:
    """Knows from the settings how long a record is on its way when all is well."""

    def __init__(self, settings: Settings) -> None:
        self._lanes = settings.lanes
        self._limits = settings.limits
        self._commit_s = settings.kafka.commit_interval
        self._run_limits_s = {name: model.run_limit for name, model in settings.models.items()}

    def batching_s(
        self, rates: Mapping[str, float], workers: int, service_rate: float | None
    ) -> float:
        """Return how long a record is in flight: it waits, runs, and is committed.

        Args:
            rates: records/s that arrive, by lane; lanes count by what they get.
            workers: among whom that is shared.
            service_rate: records/s that a worker serves, None when not known.
        """
        times_s = {
            name: self._wait_s(lane, rates.get(name, 0.0), workers)
            + self._run_s(lane, service_rate)
            + self._commit_s
            for name, lane in self._lanes.items()
        }
        total = sum(rates.values())
        if total <= 0:
            return max(times_s.values())
        return sum(times_s[name] * rate for name, rate in rates.items()) / total

    def held(self, workers: int) -> int:
        """Return the records that `workers` hold in the batches they run and assemble ahead."""
        rows = sum(lane.max_rows for lane in self._lanes.values())
        return workers * rows * self._limits.most_batches

    def _wait_s(self, lane: Lane, rate: float, workers: int) -> float:
        """A batch closes when it is full, or its linger is over, or at once."""
        if lane.eager:
            return 0.0
        full_s = lane.max_rows * max(1, workers) / rate if rate > 0 else lane.linger
        return min(lane.linger, full_s)

    def _run_s(self, lane: Lane, service_rate: float | None) -> float:
        if not service_rate:
            return 0.0
        longest_s = max(self._run_limits_s[model] for model in lane.models)
        return min(lane.max_rows / service_rate, longest_s)
