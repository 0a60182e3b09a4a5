"""How long the next run of a model is expected to take, from those before."""

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


class RunTimes:
    """Per model, a straight line through the latest runs: seconds over rows."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}

    def observe(self, model: str, rows: int, seconds: float) -> None:
        """Learn from a run of `rows` that took `seconds`."""
        line = self._lines.get(model)
        if line is None:
            self._lines[model] = _Line(rows, seconds)
        else:
            line.observe(rows, seconds)

    def expected_s(self, model: str, rows: int) -> float:
        """Return the seconds that a run of `rows` takes on average; never 0."""
        line = self._lines.get(model)
        return _GUESS_S * rows if line is None else line.at(rows)

    def allowance_s(self, model: str, rows: int) -> float:
        """Return the seconds to leave for a run of `rows` that must end in time."""
        line = self._lines.get(model)
        return _GUESS_S * rows if line is None else line.at(rows) + _DEVIATIONS * line.deviation_s


class _Line:
    """Exponentially weighted least squares, kept as means, a variance and a covariance."""

    __slots__ = ("_covariance", "_rows", "_seconds", "_variance", "deviation_s")

    def __init__(self, rows: int, seconds: float) -> None:
        self._rows = float(rows)
        self._seconds = seconds
        self._variance = 0.0
        self._covariance = 0.0
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

    def at(self, rows: int) -> float:
        """More rows never cost less, and never more than in proportion to their number.

        Until sizes have differed, both are assumed: a smaller run takes as long as those seen.
        """
        steepest = self._seconds / self._rows
        if self._variance >= _SIZES_DIFFER:
            slope = min(max(self._covariance / self._variance, 0.0), steepest)
        else:
            slope = steepest if rows > self._rows else 0.0
        return max(self._seconds + slope * (rows - self._rows), _LEAST_S)
