"""What one busy worker serves, by the best that is known of it. Pure.

Rule 1: measured under a backlog within the last half hour: that.
Rule 2: else by the workers' own fit, where they can be reached.
Rule 3: else what was measured longer ago, else `scaling.service_rate`, else what is remembered of
workers before (remembered.py), else unknown.
Rule 4: never less than what each worker serves as it is.
"""

from enum import StrEnum
from typing import NamedTuple

from config.settings import Settings
from daemon.scaling.backlog_rate import BacklogRate, Sight
from daemon.scaling.expected_in_flight import ExpectedInFlight
from daemon.scaling.group_rates import ServedRate
from daemon.scaling.observation import Observation
from daemon.scaling.own_rate import OwnRate, Work

_FRESH_S = 1800.0
"""Traffic, models and machines change; where nobody falls behind, nothing is measured anew."""
_EVEN_S = 60.0
"""How long the same workers must have run for rule 4, so that batches' lumps even out."""


class Origin(StrEnum):
    """Where a rate is from; its value is what people and JSON are told."""

    MEASURED = "measured"
    WORKERS = "workers"
    SET = "set"
    REMEMBERED = "remembered"


class KnownRate(NamedTuple):
    """Records/s that one busy worker serves, and how that is known."""

    rate: float
    origin: Origin


class ServiceRate:
    """Learns the rate from observations; `prior` counts until then."""

    def __init__(self, settings: Settings, by_design: ExpectedInFlight) -> None:
        self._prior = settings.scaling.service_rate
        self._remembered: float | None = None
        self._by_design = by_design
        self._backlog = BacklogRate()
        self._own = OwnRate(settings)
        self._as_it_is = _AsItIs()
        self._now = 0.0

    def see(
        self, observation: Observation, served: ServedRate, *, stuck: int, in_flight: float
    ) -> None:
        """Take in what was seen; `in_flight`: records that are so by design, outside of workers."""
        self._now = observation.at_s
        partitions, workers = observation.partitions, observation.members
        if not workers or any(offsets.lag is None for offsets in partitions.values()):
            self._backlog.interrupt()
            self._as_it_is.interrupt()
            return
        self._as_it_is.see(served.total, workers, observation.at_s)
        if stuck:
            self._backlog.interrupt()
            return
        by_design = in_flight + self._by_design.held(workers)
        self._backlog.see(Sight(self._now, served.total, workers, partitions, by_design))

    def hear(self, work: Work) -> None:
        """Take in what the workers say themselves."""
        self._own.see(work)

    def remember(self, rate: float) -> None:
        """Workers before these served `rate` records/s each."""
        self._remembered = rate

    @property
    def rate(self) -> float | None:
        """Records a second, None when nothing is known."""
        known = self.known
        return None if known is None else known.rate

    @property
    def known(self) -> KnownRate | None:
        """The rate and where it is from, None when nothing is known."""
        measured, at_s = self._backlog.rate, self._backlog.at_s
        fresh = at_s is not None and self._now - at_s <= _FRESH_S
        ordered = [
            (measured if fresh else None, Origin.MEASURED),
            (self._own.rate, Origin.WORKERS),
            (measured, Origin.MEASURED),
            (self._prior, Origin.SET),
            (self._remembered, Origin.REMEMBERED),
        ]
        best = next((KnownRate(rate, origin) for rate, origin in ordered if rate), None)
        as_it_is = self._as_it_is.rate
        if best is None or as_it_is is None or as_it_is <= best.rate:
            return best
        return KnownRate(as_it_is, Origin.MEASURED)


class _AsItIs:
    """What each worker serves, busy or not."""

    def __init__(self) -> None:
        self.rate: float | None = None
        self._first: tuple[float, int, int] | None = None

    def see(self, served: int, workers: int, at_s: float) -> None:
        if self._first is None or self._first[2] != workers:
            self._first, self.rate = (at_s, served, workers), None
        began_s, before, _ = self._first
        if at_s - began_s >= _EVEN_S:
            self.rate = (served - before) / (at_s - began_s) / workers
            self._first = (at_s, served, workers)

    def interrupt(self) -> None:
        self._first, self.rate = None, None
