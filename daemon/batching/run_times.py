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


_SIZES_DIFFER = 1.0
"""Variance of the rows of runs, in rows squared, from which a slope can be told from noise."""


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


class RunTimes:
    """Per model, a straight line through the latest runs: seconds over rows.

    A run that is filled up takes what its rung takes, so the line of such a model is one through rungs.
    """

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}
        self.ladders: dict[str, Ladder] = defaultdict(lambda: EXACT)
        """To which rows the runs of each model are filled up."""

    def observe(self, model: str, rows: int, seconds: float) -> None:
        """Learn from a run of `rows` that took `seconds`."""
        rows = self.ladders[model].up(rows)
        line = self._lines.get(model)
        if line is None:
            self._lines[model] = _Line(rows, seconds)
        else:
            line.observe(rows, seconds)

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


class _Line:
    """Exponentially weighted least squares, kept as means, a variance and a covariance.

    While sizes do not differ the share that rows have in a run stays as it was last seen: a machine
    that becomes slower is slower at all of it.
    """

    __slots__ = ("_covariance", "_row_share", "_rows", "_seconds", "_variance", "deviation_s")

    def __init__(self, rows: int, seconds: float) -> None:
        self._rows = float(rows)
        self._seconds = seconds
        self._variance = 0.0
        self._covariance = 0.0
        self._row_share: float | None = None
        self.deviation_s = 0.0

    def observe(self, rows: int, seconds: float) -> None:
        miss_s = abs(seconds - self.at(rows))
        self.deviation_s += _DEVIATION_GAIN * (miss_s - self.deviation_s)
        off_rows = rows - self._rows
        off_s = seconds - self._seconds
        self._rows += _GAIN * off_rows
        self._seconds += _GAIN * off_s
        self._variance = (1 - _GAIN) * (self._variance + _GAIN * off_rows * off_rows)
        self._covariance = (1 - _GAIN) * (self._covariance + _GAIN * off_rows * off_s)
        if self._variance >= _SIZES_DIFFER and self._seconds > 0:
            share = self._covariance / self._variance * self._rows / self._seconds
            self._row_share = min(max(share, 0.0), 1.0)

    def cost(self) -> RunCost | None:
        if self._row_share is None:
            return None
        return RunCost(
            (1 - self._row_share) * self._seconds, self._row_share * self._seconds / self._rows
        )

    def at(self, rows: int) -> float:
        """More rows never cost less, and never more than in proportion to their number.

        Until sizes have differed, both are assumed: a smaller run takes as long as those seen.
        """
        cost = self.cost()
        expected_s = self._seconds * max(rows / self._rows, 1.0) if cost is None else cost.at(rows)
        return max(expected_s, _LEAST_S)
