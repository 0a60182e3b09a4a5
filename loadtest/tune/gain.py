"""Whether batches pay, by what runs of two sizes took. Pure.

It is said in the words in which `tidemill check` says it of a model.
"""

from typing import NamedTuple, Self

from loadtest.tune.fit import Fit

_PAYS = 1.2
"""From here on batches pay: one run of a size may differ from the next by 15 %."""
_MS = 1e-3


class Gain(NamedTuple):
    """A run of few rows, and one of many; times are seconds."""

    few: int
    few_s: float
    many: int
    many_s: float

    @classmethod
    def of(cls, found: Fit) -> Self:
        """Return what the smallest and the largest batches took that were measured."""
        first, last = found.points[0], found.points[-1]
        return cls(first.rows, first.median_s, last.rows, last.median_s)

    @property
    def times(self) -> float:
        """How many times as many rows a second run in the large batches."""
        return (self.many / self.many_s) / (self.few / self.few_s)

    @property
    def told(self) -> str:
        """In one line, for people."""
        alone = "alone" if self.few == 1 else f"{self.few} at a time"
        if self.times < _PAYS:
            return (
                f"{_time(self.many_s / self.many)} a row, {alone} or {self.many} together: batches save"
                " nothing on this device, and a smaller max_rows answers sooner"
            )
        return f"{self.times:,.1f} x as many rows a second in batches of {self.many} as {alone}"


def _time(seconds: float) -> str:
    if seconds < 10 * _MS:
        return f"{seconds / _MS:.2g} ms"
    return f"{seconds / _MS:.0f} ms" if seconds < 1 else f"{seconds:.2g} s"
