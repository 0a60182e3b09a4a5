"""How long the next run of a model is expected to take, from those before."""

from collections import defaultdict
from typing import NamedTuple

from daemon.batching.ladder import EXACT, Ladder

_GAIN = 1 / 8
_DEVIATION_GAIN = 1 / 4
_DEVIATIONS = 4
"""Weight of the newest run in the averages, and how many mean deviations a run may stay above the
line. Source: RFC 6298, section 2, the estimator of TCP's retransmission timer."""

_GUESS_S = 0.001
"""Seconds a row until a run was seen. Small models take microseconds a row on a CPU: a high guess
closes a batch early, a low one misses a deadline."""

_LEAST_S = 1e-6
"""No run is free: a lane that costs nothing would always be next."""

_SHAPE_GAIN = 1 / 128
"""Weight of the newest run in what is learned of a model's shape, which it keeps. Where only the time
of runs is known, single ones tell little beside other work: of 64 rows of 12 ms, which gain nothing,
slices had 6 to 14 rows with the weight of the averages, and have 3 to 5 with this; where 3 % may be
lost, 8 to 21 % were, and 2 to 5 % are now (simulation, half of the processor taken by others in turns
of 25 ms; docs/decisions/0025)."""
_SIZES_DIFFER = 0.04
"""Squared relative deviation of the rows of runs from which their shape can be told: as of runs of
four and of six rows, half of each."""


class RunCost(NamedTuple):
    """What a run takes whatever its rows, and what each row adds, in seconds.

    Rows that fill a run up to a rung of `ladder` take as long as others.
    """

    start_s: float
    row_s: float
    ladder: Ladder = EXACT

    def at(self, rows: int) -> float:
        """Return the seconds of a run of `rows`."""
        return self.start_s + self.row_s * self.ladder.up(rows)


class TimedRun(NamedTuple):
    """A run that was seen: what it took, and how much of that was work, as RunLine has it."""

    rows: int
    seconds: float
    work_s: float | None = None


class RunTimes:
    """Per model, a straight line through the latest runs: seconds over rows.

    A run that is filled up takes what its rung takes, so the line of such a model is one through rungs.
    """

    def __init__(self) -> None:
        self._lines: dict[str, RunLine] = {}
        self.ladders: dict[str, Ladder] = defaultdict(lambda: EXACT)
        """To which rows the runs of each model are filled up."""

    def forget(self, model: str) -> None:
        """Another model goes by that name from now on."""
        self._lines.pop(model, None)

    def observe(self, model: str, rows: int, seconds: float, work_s: float | None = None) -> None:
        """Learn from a run of `rows` that took `seconds`; `work_s` as RunLine has it."""
        rows = self.ladders[model].up(rows)
        line = self._lines.get(model)
        if line is None:
            self._lines[model] = RunLine(rows, seconds, work_s)
        else:
            line.observe(rows, seconds, work_s)

    def expected_s(self, model: str, rows: int) -> float:
        """Return the seconds that a run of `rows` takes on average; never 0."""
        rows = self.ladders[model].up(rows)
        line = self._lines.get(model)
        return _GUESS_S * rows if line is None else line.at(rows)

    def cost(self, model: str) -> RunCost | None:
        """Return what its runs consist of, None while the sizes of those seen have not differed."""
        line = self._lines.get(model)
        cost = None if line is None else line.cost()
        return None if cost is None else cost._replace(ladder=self.ladders[model])

    def allowance_s(self, model: str, rows: int) -> float:
        """Return the seconds to leave for a run of `rows` that must end in time."""
        rows = self.ladders[model].up(rows)
        line = self._lines.get(model)
        return _GUESS_S * rows if line is None else line.at(rows) + _DEVIATIONS * line.deviation_s


class RunLine:
    """What runs take at present, as means of the latest; how that changes with rows, by the model's shape.

    The shape is told by the work in runs, their `work_s`: time that nothing else on the machine makes
    longer. None: all of a run is taken for work. While sizes do not differ the shape stays as it was
    last seen: a machine that becomes slower is slower at all of a run.
    """

    __slots__ = ("_rows", "_seconds", "_shape", "_variance", "_work_s", "deviation_s")

    def __init__(self, rows: int, seconds: float, work_s: float | None = None) -> None:
        """The first run had `rows` and took `seconds`, with `work_s` of work."""
        self._rows = float(rows)
        self._seconds = seconds
        self._work_s = seconds if work_s is None else work_s
        self._variance = 0.0
        self._shape = _Shape()
        self._shape.observe(rows, self._work_s)
        self.deviation_s = 0.0

    def observe(self, rows: int, seconds: float, work_s: float | None = None) -> None:
        """Learn from a run of `rows` that took `seconds`, with `work_s` of work."""
        work_s = seconds if work_s is None else work_s
        miss_s = abs(seconds - self.at(rows))
        self.deviation_s += _DEVIATION_GAIN * (miss_s - self.deviation_s)
        off_rows = rows - self._rows
        self._variance = (1 - _GAIN) * (self._variance + _GAIN * off_rows * off_rows)
        if self._variance >= _SIZES_DIFFER * self._rows * self._rows:
            self._shape.observe(rows, work_s / self._slowness(self._work_s))
        self._rows += _GAIN * off_rows
        self._seconds += _GAIN * (seconds - self._seconds)
        self._work_s += _GAIN * (work_s - self._work_s)

    def _slowness(self, mean_s: float) -> float:
        """How much longer than by the shape, as it is known, the latest runs were with a mean of `mean_s`."""
        shape = self._shape.cost
        if shape is None:
            return 1.0
        return max(mean_s, _LEAST_S) / max(shape.start_s + shape.row_s * self._rows, _LEAST_S)

    def cost(self) -> RunCost | None:
        """Return what runs consist of at present, None while the sizes of those seen have not differed."""
        shape, slowness = self._shape.cost, self._slowness(self._seconds)
        if shape is None:
            return None
        return RunCost(shape.start_s * slowness, shape.row_s * slowness)

    def at(self, rows: int) -> float:
        """More rows never cost less, and never more than in proportion to their number.

        Until sizes have differed, both are assumed: a smaller run takes as long as those seen.
        """
        cost = self.cost()
        expected_s = self._seconds * max(rows / self._rows, 1.0) if cost is None else cost.at(rows)
        return max(expected_s, _LEAST_S)


class _Shape:
    """What a start costs beside a row: a line by least squares, with a long memory.

    A run that takes twice as long is off by twice as much, so it weighs a quarter.
    """

    __slots__ = ("_products", "_rows", "_runs", "_seconds", "_squares", "_weight", "cost")

    def __init__(self) -> None:
        self.cost: RunCost | None = None
        self._runs = 0
        # Means over runs of their weight, and of it times rows, seconds, rows squared, rows times seconds.
        self._weight = self._rows = self._seconds = self._squares = self._products = 0.0

    def observe(self, rows: int, seconds: float) -> None:
        self._runs += 1
        gain = max(_SHAPE_GAIN, 1 / self._runs)
        usual_s = max(self._usual_s(rows, seconds), _LEAST_S)
        weight = 1 / (usual_s * usual_s)
        self._weight += gain * (weight - self._weight)
        self._rows += gain * (weight * rows - self._rows)
        self._seconds += gain * (weight * seconds - self._seconds)
        self._squares += gain * (weight * rows * rows - self._squares)
        self._products += gain * (weight * rows * seconds - self._products)
        self._fit()

    def _usual_s(self, rows: int, seconds: float) -> float:
        if self.cost is not None:
            return self.cost.at(rows)
        return rows * self._seconds / self._rows if self._weight else seconds

    def _fit(self) -> None:
        rows, seconds = self._rows / self._weight, self._seconds / self._weight
        variance = self._squares / self._weight - rows * rows
        if seconds > 0 and variance >= _SIZES_DIFFER * rows * rows:
            covariance = self._products / self._weight - rows * seconds
            row_s = min(max(covariance / variance, 0.0), seconds / rows)
            self.cost = RunCost(seconds - row_s * rows, row_s)
