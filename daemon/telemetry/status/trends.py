"""How rate and lag went in the last minutes, a point each few seconds. Pure."""

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple


class Trend(NamedTuple):
    """Points in the order of time, the newest last; None is unknown."""

    rates: list[float | None]
    lags: list[float | None]


class Trends:
    """The last `points` of each lane, `step_s` apart: 5 minutes unless told otherwise."""

    def __init__(self, *, step_s: float = 5.0, points: int = 60) -> None:
        self.step_s = step_s
        self.points = points
        self._at_s: float | None = None
        self._arrived: dict[str, float] = {}
        self._lanes: dict[str, deque[tuple[float | None, float | None]]] = {}

    def observe(
        self,
        now_s: float,
        arrived: Mapping[str, float],
        lags: Mapping[str, float],
        rates: Mapping[str, float | None],
    ) -> None:
        """Take a point of each lane in `lags` or `arrived`, if it is time for one.

        `arrived` counts records, `lags` are records, `rates` (records/s) stand where something else
        than `arrived` knows them.
        """
        if self._at_s is not None and now_s - self._at_s < self.step_s:
            return
        seconds = None if self._at_s is None else now_s - self._at_s
        for lane in sorted({*arrived, *lags, *rates}):
            rate = rates.get(lane)
            if lane not in rates and seconds is not None:
                rate = (arrived.get(lane, 0.0) - self._arrived.get(lane, 0.0)) / seconds
            points = self._lanes.setdefault(lane, deque(maxlen=self.points))
            points.append((rate, lags.get(lane)))
        self._arrived = dict(arrived)
        self._at_s = now_s

    def of(self, lane: str) -> Trend:
        """Return the lane's points; none before it was seen."""
        points = self._lanes.get(lane, ())
        return Trend([rate for rate, _ in points], [lag for _, lag in points])
