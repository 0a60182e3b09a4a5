"""BatchRun time against rows: t = a + c * rows, and how far from a line it is. Pure.

Least squares on the median of each number of rows, each weighted by its inverse: a residual counts
by its share of the run time, so that small batches matter as much as large ones. A median, since a
run beside something else on the machine is late and never early. Nothing is said of sizes beyond those
that ran: neither does a line go on there for sure, nor do the medians.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

WORST_RESIDUAL = 0.15
"""Beyond, the line is not used: a share that moves a proposal by less than its neighbours in the
sweep differ."""
_LEAST_POINTS = 2
LEAST_RUNS = 3
"""Of a size: fewer come of bursts that met by accident, and have no median to speak of."""


class BatchRun(NamedTuple):
    """One batch that ran."""

    rows: int
    run_s: float


class FitPoint(NamedTuple):
    """Batches of one size: their median, and what the line says."""

    rows: int
    median_s: float
    fitted_s: float
    runs: int

    @property
    def residual(self) -> float:
        """How far the median is above the line, as a share of the line."""
        return self.median_s / self.fitted_s - 1


class Fit(NamedTuple):
    """t = base_s + per_row_s * rows, for sizes from the smallest point to the largest.

    `r2`: share of the medians' variance that it explains.
    """

    base_s: float
    per_row_s: float
    r2: float
    points: tuple[FitPoint, ...]

    @property
    def worst(self) -> FitPoint:
        """The point that is farthest from the line."""
        return max(self.points, key=lambda point: abs(point.residual))

    @property
    def is_line(self) -> bool:
        """Whether the line may stand for what was measured."""
        return abs(self.worst.residual) <= WORST_RESIDUAL

    @property
    def most_rows(self) -> int:
        """The largest batch of which there is a median."""
        return self.points[-1].rows

    def run_s(self, rows: float) -> float:
        """Return how long a batch runs: by the line, or between the medians where there is none.

        Raises ValueError for sizes beyond those that ran.
        """
        if not self.points[0].rows <= rows <= self.most_rows:
            raise ValueError(
                f"{rows:g} rows: only {self.points[0].rows} to {self.most_rows} were measured"
            )
        if self.is_line:
            return self.base_s + self.per_row_s * rows
        return float(
            np.interp(
                rows,
                [point.rows for point in self.points],
                [point.median_s for point in self.points],
            )
        )


class SizesMissing(Exception):
    """Batches of the sizes that matter did not run; the message says which did."""


def fit(runs: Iterable[BatchRun], *, least: int, most: int = 0) -> Fit:
    """Return the fit for batches of `least` rows on, to `most` if that is given.

    Raises SizesMissing when fewer than two sizes ran, or none so small or so large.
    """
    by_rows: dict[int, list[float]] = defaultdict(list)
    for run in runs:
        by_rows[run.rows].append(run.run_s)
    rows = sorted(size for size, times_s in by_rows.items() if len(times_s) >= LEAST_RUNS)
    if len(rows) < _LEAST_POINTS:
        raise SizesMissing(
            f"batches of {len(rows)} size(s) ran: do replies have the headers batch-rows and stages, "
            "and does the lane allow for more max_rows?"
        )
    for size, is_there in ((least, rows[0] <= least), (most, rows[-1] >= most)):
        if not is_there:
            raise SizesMissing(
                f"batches of {rows[0]} to {rows[-1]} rows ran, but hardly any of {size}, and of sizes that "
                "were not measured nothing is said: is the machine too busy, or does the lane get "
                "other requests?"
            )
    medians_s = [max(statistics.median(by_rows[each]), 1e-6) for each in rows]
    base_s, per_row_s = _line(rows, medians_s)
    return Fit(
        base_s,
        per_row_s,
        _r2(rows, medians_s, base_s, per_row_s),
        tuple(
            FitPoint(each, median_s, base_s + per_row_s * each, len(by_rows[each]))
            for each, median_s in zip(rows, medians_s, strict=True)
        ),
    )


def _line(rows: Sequence[int], medians_s: Sequence[float]) -> tuple[float, float]:
    """Return the line; neither part of a run time is negative."""
    inverse = 1 / np.array(medians_s)
    columns = np.column_stack([inverse, np.array(rows) * inverse])
    base_s, per_row_s = map(float, np.linalg.lstsq(columns, np.ones(len(rows)), rcond=None)[0])
    if base_s < 0:
        return 0.0, _alone(columns[:, 1])
    if per_row_s < 0:
        return _alone(columns[:, 0]), 0.0
    return base_s, per_row_s


def _alone(column: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    return float(column.sum() / (column @ column))


def _r2(rows: Sequence[int], medians_s: Sequence[float], base_s: float, per_row_s: float) -> float:
    measured, fitted = np.array(medians_s), base_s + per_row_s * np.array(rows)
    around = float(((measured - measured.mean()) ** 2).sum())
    return 1 - float(((measured - fitted) ** 2).sum()) / around if around else 1.0
