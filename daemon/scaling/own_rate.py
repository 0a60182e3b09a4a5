"""What one worker could serve, by what the workers themselves say of their batches. Pure.

A batch of b rows runs for a + c * b seconds. With a and c fitted to what was run, a worker whose
batches are full serves N rows in a + c * N seconds, also when those that were run were not full:
rows per busy second would understate it.
"""

from collections.abc import Mapping
from typing import NamedTuple

from config.settings import Settings

_FORGET = 0.98
"""Weight of what was seen one look before; at one look a second half of it is gone in 34 s."""
_ALIKE = 0.01
"""Below this share of their spread, batches are too alike in size to tell a from c."""


class ModelWork(NamedTuple):
    """What one model did, all workers together, as counters, which only grow."""

    batches: float
    rows: float
    busy_s: float


class Work(NamedTuple):
    """What the workers did, as counters, which only grow.

    `records` they answered, all models together.
    """

    records: float
    models: Mapping[str, ModelWork]


class OwnRate:
    """Fits each model's time; `rate` is records/s of one worker whose batches are full."""

    def __init__(self, settings: Settings) -> None:
        self._fits = {
            name: _Fit(
                max(lane.max_rows for lane in settings.lanes.values() if name in lane.models)
            )
            for name in settings.models
            if any(name in lane.models for lane in settings.lanes.values())
        }
        self._before: Work | None = None
        self._records = 0.0

    def see(self, work: Work) -> None:
        """Take in the counters."""
        before, self._before = self._before, work
        if before is None:
            return
        self._records = _FORGET * self._records + work.records - before.records
        for name, fit in self._fits.items():
            if name in work.models and name in before.models:
                then, now = before.models[name], work.models[name]
                fit.add(now.batches - then.batches, now.rows - then.rows, now.busy_s - then.busy_s)

    @property
    def rate(self) -> float | None:
        """None before anything was run."""
        busy_s = sum(fit.rows * fit.row_s for fit in self._fits.values())
        return self._records / busy_s if busy_s > 0 and self._records > 0 else None


class _Fit:
    """Least squares of busy time over batches and rows, older ones weighing less."""

    def __init__(self, full_rows: int) -> None:
        self._full_rows = full_rows
        self.rows = 0.0
        self._busy_s = 0.0
        self._bb = self._br = self._rr = self._by = self._ry = 0.0

    def add(self, batches: float, rows: float, busy_s: float) -> None:
        """`batches` of `rows` in all ran for `busy_s`."""
        self.rows = _FORGET * self.rows + rows
        self._busy_s = _FORGET * self._busy_s + busy_s
        if not batches:
            return
        self._bb = _FORGET * self._bb + batches * batches
        self._br = _FORGET * self._br + batches * rows
        self._rr = _FORGET * self._rr + rows * rows
        self._by = _FORGET * self._by + batches * busy_s
        self._ry = _FORGET * self._ry + rows * busy_s

    @property
    def row_s(self) -> float:
        """Seconds a row takes in a full batch."""
        if not self.rows:
            return 0.0
        as_run_s = self._busy_s / self.rows
        determinant = self._bb * self._rr - self._br**2
        if determinant <= _ALIKE * self._bb * self._rr:
            return as_run_s
        fixed_s = (self._by * self._rr - self._ry * self._br) / determinant
        each_s = (self._ry * self._bb - self._by * self._br) / determinant
        if fixed_s < 0 or each_s < 0:
            return as_run_s
        return fixed_s / self._full_rows + each_s
