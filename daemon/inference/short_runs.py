"""Which runs are so short that the loop makes them itself. Pure.

To hand a batch to the model's thread and take its outcome back costs the cores 0.15 ms together,
most of it for Python's interpreter lock, which passes to and fro. Where a run takes less than that,
the loop is held up more by handing it over than by making it.
"""

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:  # models are keys here, nothing is asked of them
    from runtime import Model

SHORT_S = 0.0002
"""A run this long is worth the hand-over."""
_MOST_WAIT_S = 0.02
"""A thread waits for the interpreter lock 5 ms at a time, and that is in the time a run takes. So the
thread's processor time tells; but a run that other threads make for it must not be long either."""
_MOST_DEBT_S = 0.05
"""Time that runs on the loop may take beyond SHORT_S each, what others fell below it set off: an
urgent request has waited as long for ten chunks of records to be admitted."""
_PROBATION = 10_000
"""Runs in the thread until a model that had too much debt is looked at again."""


class ShortRuns:
    """Learns from each run of a model; a model that was never seen has no short runs."""

    def __init__(self) -> None:
        # A model that was replaced takes what was learned of it along.
        self._models: WeakKeyDictionary[Model, _Seen] = WeakKeyDictionary()

    def expects(self, model: "Model", rows: int) -> bool:
        """Whether the next run of `rows` is a short one."""
        seen = self._models.get(model)
        return seen is not None and rows <= seen.short_rows

    def ran_in_thread(self, model: "Model", rows: int, *, cpu_s: float, wall_s: float) -> None:
        """Learn from a run of `rows` that took the thread `cpu_s`, and `wall_s` with its waits."""
        seen = self._models.setdefault(model, _Seen())
        if seen.probation:
            seen.probation -= 1
        elif cpu_s < SHORT_S and wall_s < _MOST_WAIT_S:
            seen.short_rows = max(seen.short_rows, rows)

    def ran_on_loop(self, model: "Model", wall_s: float) -> None:
        """Learn from a run that the loop made."""
        self._models.setdefault(model, _Seen()).owe(wall_s - SHORT_S)


class _Seen:
    __slots__ = ("debt_s", "probation", "short_rows")

    def __init__(self) -> None:
        self.short_rows = 0
        self.debt_s = 0.0
        self.probation = 0

    def owe(self, seconds: float) -> None:
        self.debt_s = max(self.debt_s + seconds, 0.0)
        if self.debt_s > _MOST_DEBT_S:
            self.short_rows, self.debt_s, self.probation = 0, 0.0, _PROBATION
