"""A day as it was served: waits, and the time for which a machine was up. Pure."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from loadtest.office_hours.computed.hours import HOUR_S
from loadtest.traffic.records import Floats


class Cost(NamedTuple):
    """What serving takes.

    Attributes:
        run_s: seconds of a batch, by its rows.
        max_rows: rows of a batch at most.
        boot_s: from asking for a machine until a process can start on it.
        start_s: from a worker's start until it serves, model and group included.
        end_s: from its last answer until its end.
    """

    run_s: Callable[[float], float]
    max_rows: int
    boot_s: float
    start_s: float
    end_s: float

    @property
    def ready_s(self) -> float:
        """From asking for a machine until a worker serves on it."""
        return self.boot_s + self.start_s

    def batch_s(self, rows: int) -> list[float]:
        """Return how long each of the batches runs that `rows` requests make."""
        full, rest = divmod(rows, self.max_rows)
        return [self.run_s(self.max_rows)] * full + ([self.run_s(rest)] if rest else [])


class Up(NamedTuple):
    """A time for which a machine was up, in seconds after midnight."""

    from_s: float
    to_s: float


class Billing(NamedTuple):
    """How the time of a machine is charged: in whole units, at least so much for each time."""

    name: str
    unit_s: float
    least_s: float

    def hours(self, ups: Sequence[Up]) -> float:
        """Return machine-hours."""
        return sum(self._charged_s(up.to_s - up.from_s) for up in ups) / HOUR_S

    def _charged_s(self, seconds: float) -> float:
        units = math.ceil(round(max(seconds, self.least_s) / self.unit_s, 6))
        return units * self.unit_s


BY_SECOND = Billing("by the second", 1.0, 0.0)
BY_MINUTE = Billing("by the minute", 60.0, 60.0)


class Day(NamedTuple):
    """`wait_s`: of each request, in their order, float64 (n,); `busy_s`: in which the model ran."""

    wait_s: Floats
    ups: tuple[Up, ...]
    busy_s: float

    @property
    def up_s(self) -> float:
        """For how long a machine was up."""
        return sum(up.to_s - up.from_s for up in self.ups)

    @property
    def utilisation(self) -> float:
        """Share of that time for which the model ran."""
        return self.busy_s / self.up_s if self.up_s else 0.0

    @property
    def worst_s(self) -> float:
        """The longest wait of a request."""
        return float(self.wait_s.max())

    @property
    def mean_s(self) -> float:
        """The mean wait."""
        return float(self.wait_s.mean())
