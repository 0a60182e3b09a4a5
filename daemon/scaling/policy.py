"""How many workers there should be. Pure and with memory: `now` is monotonic seconds.

Rule 1 (unknown): while the lag, or what partitions there are, is unknown, the number stays.
Rule 2 (need): arrivals need rate / utilisation; what waits needs backlog / catch_up; while the
workers do not keep up with arrivals, what gathers until more have started needs its part too. In
workers: all of it / service rate. What is in flight by design (rate * batching_s) is no backlog.
Rule 3 (shares): of all numbers with the same largest share of partitions the fewest is taken, as
long as arrivals take at most nine tenths of the worker with the largest share.
Rule 4 (bounds): at least min_workers, always; at most partitions and max_workers.
Rule 5 (skew): a backlog asks for no more workers than there are partitions that have one.
Rule 6 (stuck): the lag of stuck partitions asks for nobody; while no other partition has any, the
number does not grow.
Rule 7 (up): at once, to at most twice the workers and four; again after start_time. From zero, at
any time.
Rule 8 (gain): the number does not grow while the last workers that came brought next to nothing.
Rule 9 (down): to the most that was needed within down_window, and only where arrivals then take at
most `utilisation` of the worker with the largest share; once a window.
Rule 10 (dead band): of ten workers or more, one more or less is not worth a rebalance.
Rule 11 (zero): nothing arrived and at most `activation` records waited for `idle`: min_workers, at
once.
Rule 12 (wake): from zero, more than `activation` waiting records ask for at least one, at once.
Rule 13 (no rate): until the service rate is known, one more whenever the backlog did not fall
within start_time and batching_s; never fewer but by rule 11.
"""

import math
from typing import NamedTuple

from config.settings import Scaling
from daemon.scaling.alignment import aligned, capacity, fitting
from daemon.scaling.gain import Gain
from daemon.scaling.window import Highest

_FULL = 0.9
"""Most that arrivals may take of the most loaded worker where shares are uneven (rule 3): a tenth
is left for what arrives unevenly."""

_DEAD_BAND_FROM = 10
"""Where one worker is as little as the tenth that Kubernetes' autoscaler tolerates (rule 10)."""

_ROUNDING = 1e-9
"""What a need may be above a whole number and still be it."""


class Load(NamedTuple):
    """What the decision is made by.

    Attributes:
        arrival_rate: records/s, the larger of the last 15 and the last 60 seconds.
        lag: records without a committed answer, of all partitions; None is unknown and holds.
        lagging: partitions with lag, the stuck ones among them.
        partitions: all of them; 0 is unknown and holds.
        stuck: partitions that have lag and do not move; none while no worker runs.
        service_rate: records/s that one busy worker serves; None is not known yet.
        batching_s: how long a record is in flight by design: linger, run and commit.
        arrived_s: monotonic seconds at which a log end was last seen to have moved.
        workers: serving or starting now. The policy remembers what it decided and needs this at its
            first decision, and to judge what a step up brought.
        stuck_lag: records of `lag` that are in stuck partitions.
        served_rate: records/s by which all commits together advanced within the last 15 s; None is
            unknown, and then no step up is judged (rule 8).
    """

    arrival_rate: float
    lag: int | None
    lagging: int
    partitions: int
    stuck: int
    service_rate: float | None
    batching_s: float
    arrived_s: float
    workers: int
    stuck_lag: int = 0
    served_rate: float | None = None

    @property
    def moving_lag(self) -> int:
        """Records that more workers could serve."""
        return max(0, (self.lag or 0) - self.stuck_lag)

    @property
    def backlog(self) -> float:
        """Of these, records beyond what is in flight by design."""
        return max(0.0, self.moving_lag - self.arrival_rate * self.batching_s)


class Decision(NamedTuple):
    """How many workers there should be.

    Attributes:
        workers: the number.
        wanted: the number before shares, steps, windows and limits.
        reason: why that many, one line for a person.
        held: why it was not allowed to move; "" when it was, or had no need to.
    """

    workers: int
    wanted: int
    reason: str
    held: str


class _Plan(NamedTuple):
    """Where the number should go if nothing held it."""

    target: int
    wanted: int
    reason: str


class Policy:
    """Decides at each look; the first decision starts from the workers that run."""

    def __init__(self, scaling: Scaling, *, max_workers: int) -> None:
        self._scaling = scaling
        self._max_workers = max_workers
        self._gain = Gain(scaling.start_time)
        self._begun = False
        self._workers = 0
        self._up_s = -math.inf
        self._down_s = -math.inf
        self._worked_s = -math.inf
        self._highest = Highest(scaling.down_window, now=-math.inf)
        self._patience: tuple[float, float] | None = None

    def decide(self, load: Load, now: float) -> Decision:
        """Return how many workers there should be from `now` on."""
        self._begin(load, now)
        fewest, most = self._bounds(load)
        running = min(max(self._workers, fewest), most)
        if load.lag is None or load.partitions == 0:
            self._workers = running
            self._highest.see(running, now)
            return Decision(running, running, "the lag is unknown", "held until it is known again")
        if load.lag > self._scaling.activation:
            self._worked_s = now
        plan = self._plan(load, running, most, now)
        workers, held = self._moved(plan, load, running, now)
        self._workers = min(max(workers, fewest), most)
        return Decision(self._workers, plan.wanted, plan.reason, held)

    def _begin(self, load: Load, now: float) -> None:
        if not self._begun:
            self._begun = True
            self._workers = load.workers
            self._worked_s = now
            self._highest = Highest(self._scaling.down_window, now=now)

    def _bounds(self, load: Load) -> tuple[int, int]:
        fewest, most = self._scaling.min_workers, self._max_workers
        if load.partitions:
            most = min(most, load.partitions)
        return fewest, max(fewest, most)

    # Where it should go

    def _plan(self, load: Load, running: int, most: int, now: float) -> _Plan:
        if self._resting(load, running, now):
            return _Plan(0, 0, f"nothing came or waited for {self._scaling.idle:g} s")
        if running == 0:
            if (load.lag or 0) <= self._scaling.activation:
                return _Plan(0, 0, "nothing waits")
            load = load._replace(stuck=0, stuck_lag=0)
        if load.service_rate is None:
            return self._groping(load, running, now)
        return self._needed(load, load.service_rate, running, most)

    def _resting(self, load: Load, running: int, now: float) -> bool:
        quiet_s = now - max(load.arrived_s, self._worked_s)
        return running > 0 and quiet_s >= self._scaling.idle

    def _groping(self, load: Load, running: int, now: float) -> _Plan:
        """Rule 13."""
        target, backlog = max(1, running), load.backlog
        began_s, before = self._patience or (now, math.inf)
        if self._patience is None or backlog <= 0 or backlog < before:
            self._patience = now, backlog
        elif now - began_s >= self._scaling.start_time + load.batching_s:
            self._patience = now, backlog
            target += 1
        reason = f"what a worker serves is not known yet; {load.moving_lag:,} records wait"
        return _Plan(target, target, reason)

    def _needed(self, load: Load, rate: float, running: int, most: int) -> _Plan:
        scaling, arrivals = self._scaling, load.arrival_rate
        starting_s = scaling.start_time if running * rate < arrivals else 0.0
        steady = arrivals / scaling.utilisation / rate
        waiting = (load.backlog + arrivals * starting_s) / scaling.catch_up / rate
        wanted = max(1, math.ceil(steady + waiting - _ROUNDING))
        reason = (
            f"{arrivals:,.0f} records/s of {rate:,.0f} a worker need {steady:.1f} workers,"
            f" {load.backlog:,.0f} waiting records {waiting:.1f}"
        )
        moving = max(1, load.lagging - load.stuck)
        useful = min(wanted, max(math.ceil(steady - _ROUNDING), moving))
        return _Plan(self._shared(useful, arrivals / rate, load, most), wanted, reason)

    def _shared(self, workers: int, busy: float, load: Load, most: int) -> int:
        """Rules 3 and 4: `workers` that partitions divide by, of which arrivals take `busy`."""
        full = max(_FULL, self._scaling.utilisation)
        least = aligned(max(1, min(workers, most)), load.partitions)
        return min(
            max(least, fitting(busy / full, load.partitions)), aligned(most, load.partitions)
        )

    # Whether it may

    def _moved(self, plan: _Plan, load: Load, running: int, now: float) -> tuple[int, str]:
        self._highest.see(plan.target, now)
        if plan.target > running:
            return self._grown(plan, load, running, now)
        self._gain.forget()
        if plan.target == 0:
            return 0, ""
        return self._shrunk(load, running, now) if plan.target < running else (running, "")

    def _grown(self, plan: _Plan, load: Load, running: int, now: float) -> tuple[int, str]:
        held = self._no_growth(plan, load, running, now) if running else ""
        if held:
            return running, held
        step = min(plan.target, 2 * running + 4)
        more = max(running + 1, aligned(step, load.partitions)) if step < plan.target else step
        self._gain.stepped(running, more, load.served_rate, now)
        self._up_s = now
        return more, ""

    def _no_growth(self, plan: _Plan, load: Load, running: int, now: float) -> str:
        """Return why the number may not grow, "" when it may."""
        rate = load.service_rate
        if 0 < load.lagging <= load.stuck:
            return f"all that waits is in {load.stuck} stuck partitions"
        if rate and (missing := self._gain.missing(load.workers, load.served_rate, rate, now)):
            return missing
        wait_s = self._up_s + self._scaling.start_time - now
        if wait_s > 0:
            return f"the last workers are starting: {wait_s:.0f} s more"
        if rate and self._in_dead_band(plan.target, load, rate, running):
            return "one worker more is not worth a rebalance"
        return ""

    def _shrunk(self, load: Load, running: int, now: float) -> tuple[int, str]:
        """Rule 9."""
        window_s, rate = self._scaling.down_window, load.service_rate
        if rate is None or not load.partitions:
            return running, "what a worker serves is not known"
        roomy = fitting(load.arrival_rate / rate / self._scaling.utilisation, load.partitions)
        fewer = max(self._highest.number, roomy)
        if fewer >= running:
            return running, f"fewer were not enough within {window_s:g} s"
        if not self._highest.covered(now) or now - self._down_s < window_s:
            return running, f"not yet {window_s:g} s since the last look or change"
        if self._in_dead_band(fewer, load, rate, running):
            return running, "one worker fewer is not worth a rebalance"
        self._down_s = now
        return fewer, ""

    def _in_dead_band(self, target: int, load: Load, rate: float, running: int) -> bool:
        """Rule 10; not where shares change much, or the workers that run cannot take what comes."""
        able = capacity(running, load.partitions)
        alike = abs(target - running) == 1 and abs(capacity(target, load.partitions) - able) <= 1
        return running >= _DEAD_BAND_FROM and alike and load.arrival_rate <= _FULL * rate * able
