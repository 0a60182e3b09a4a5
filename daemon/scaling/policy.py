"""How many workers there should be. Pure and with memory: `now` is monotonic seconds.

What a load needs is said by required_workers.py, rules 1 to 4; here is when the number may follow it.

Rule 5 (bounds): never fewer than min_workers; never more than partitions and max_workers but by it.
Rule 6 (unknown): while the lag, or what partitions there are, is unknown, the number stays, and what
rules 10 and 12 wait for begins anew.
Rule 7 (stuck): the lag of stuck partitions needs nobody; while no other partition has any, the
number does not grow.
Rule 8 (up): when the workers that run or start will not do; at once, to at most twice as many and
four. Again after 5 s, when the rates have seen more; from zero, at any time.
Rule 9 (gain): the number does not grow while the last workers that came brought next to nothing.
Rule 10 (down): to the most that was needed within down_window, and only where arrivals then take at
most `utilisation` of the worker with the largest share; once a window.
Rule 11 (dead band): fewer by less than a fifth is not worth a rebalance.
Rule 12 (zero): nothing arrived and at most `activation` records waited for `idle`: min_workers, at
once.
Rule 13 (wake): from zero, more than `activation` waiting records need at least one, at once.
Rule 14 (no rate): until the service rate is known the number goes in steps, by step_scaling.py, within the
rules before.
Rule 15 (sleep): from zero, what waits needs nobody before a start ahead of when it is due.
Rule 16 (rest): none, at once, while nothing is due for longer than a sleep costs
(daemon/values/sleep.py); what they hold goes back to Kafka. Not with min_workers: those hold it.
"""

import math
from typing import NamedTuple

from config.settings import Scaling
from daemon.scaling.required_workers import GroupLoad, Plan, aligned, enough, planned, roomy
from daemon.scaling.scale_up_guard import ScaleUpGuard
from daemon.scaling.sliding_window import SlidingMax
from daemon.scaling.step_scaling import StepScaling
from daemon.values.sleep import price_s

_AGAIN_S = 5.0
"""Between two steps up: the shortest window of the arrival rate. Waiting for start_time instead, as
Flink and Kubernetes do in their ways, brings nothing here: what gathers meanwhile is in the need
from the start, so it does not grow by waiting. In the simulation's step the p99 wait would be 34 s
instead of 22."""

_DEAD_BAND = 0.2
"""Rule 11."""


class Decision(NamedTuple):
    """How many workers there should be.

    Attributes:
        workers: the number.
        wanted: the number before shares, steps, windows and limits.
        reason: why that many, one line for a person.
        held: why it was not allowed to move; "" when it was, or had no need to.
        bound: why there may not be as many as are wanted, however long; "" when there may.
        rests: whether the workers that end leave what is not due to those who come after.
    """

    workers: int
    wanted: int
    reason: str
    held: str
    bound: str = ""
    rests: bool = False


class Policy:
    """Decides at each look; the first decision starts from the workers that run."""

    def __init__(self, scaling: Scaling, *, max_workers: int) -> None:
        self._scaling = scaling
        self._max_workers = max_workers
        self._gain = ScaleUpGuard(scaling.start_time)
        self._begun = False
        self._workers = 0
        self._up_s = -math.inf
        self._down_s = -math.inf
        self._worked_s = -math.inf
        self._highest = SlidingMax(scaling.down_window, now=-math.inf)
        self._steps = StepScaling(scaling)

    def decide(self, load: GroupLoad, now: float) -> Decision:
        """Return how many workers there should be from `now` on."""
        self._begin(load, now)
        fewest, most = self._bounds(load)
        running = min(max(self._workers, fewest), most)
        if load.lag is None or load.partitions == 0:
            self._workers = running
            self._highest.see(running, now)
            self._worked_s = now
            return Decision(running, running, "the lag is unknown", "held until it is known again")
        if load.lag > self._scaling.activation:
            self._worked_s = now
        plan = self._plan(load, running, most, now)
        workers, held = self._moved(plan, load, running, now)
        self._workers = min(max(workers, fewest), most)
        if plan.target < self._workers == fewest:
            held = f"scaling.min_workers is {fewest}"
        if gathering := self._gathering(load, running):
            held = gathering
        bound = bound_of(plan.wanted, most, load.partitions)
        rests = self._workers == 0 and self._may_rest(load)
        return Decision(self._workers, plan.wanted, plan.reason, held or bound, bound, rests)

    def _begin(self, load: GroupLoad, now: float) -> None:
        if not self._begun:
            self._begun = True
            self._workers = load.workers
            self._worked_s = now
            self._highest = SlidingMax(self._scaling.down_window, now=now)

    def _bounds(self, load: GroupLoad) -> tuple[int, int]:
        fewest, most = self._scaling.min_workers, self._max_workers
        if load.partitions:
            most = min(most, load.partitions)
        return fewest, max(fewest, most)

    # Where it should go

    def _plan(self, load: GroupLoad, running: int, most: int, now: float) -> Plan:
        quiet_s = now - max(load.arrived_s, self._worked_s)
        if running > 0 and quiet_s >= self._scaling.idle:
            return Plan(0, 0, f"nothing came or waited for {self._scaling.idle:g} s")
        if running > 0 and self._may_rest(load):
            return Plan(0, 0, f"nothing is due for {load.spare_s:.0f} s")
        if running == 0:
            if (load.lag or 0) <= self._scaling.activation:
                return Plan(0, 0, "nothing waits")
            if self._gathering(load, running):
                return Plan(0, 0, f"{load.lag:,} records gather")
            load = load._replace(stuck=0, stuck_lag=0)
        rate = load.service_rate
        if rate is None:
            target = self._steps.workers(load, running, now)
            reason = f"what a worker serves is not known yet; {load.moving_lag:,} records wait"
            return Plan(target, target, reason)
        return planned(load, rate, self._gathering_s(load, rate, running, now), self._scaling, most)

    def _gathering(self, load: GroupLoad, running: int) -> str:
        """Return until when what waits needs nobody, for a person; "" when it does."""
        if running or (load.lag or 0) <= self._scaling.activation:
            return ""
        asleep_s = load.waiting_s - load.start_s
        return f"gathering until {_clock(load.wall_s + asleep_s)}" if asleep_s > 0 else ""

    def _may_rest(self, load: GroupLoad) -> bool:
        """Rule 16."""
        return not self._scaling.min_workers and load.spare_s > price_s(load.start_s)

    def _gathering_s(self, load: GroupLoad, rate: float, running: int, now: float) -> float:
        """Until the workers serve that start now, or would start if there were too few."""
        if running * rate < load.arrival_rate:
            return self._scaling.start_time
        return max(0.0, self._up_s + self._scaling.start_time - now)

    # Whether it may

    def _moved(self, plan: Plan, load: GroupLoad, running: int, now: float) -> tuple[int, str]:
        self._highest.see(plan.target, now)
        if load.backlog <= 0:
            self._gain.relieved(now)
        if plan.target > running:
            return self._grown(plan, load, running, now)
        if plan.target == running:
            return running, ""
        return self._shrunk(plan, load, running, now) if plan.target else self._ended()

    def _grown(self, plan: Plan, load: GroupLoad, running: int, now: float) -> tuple[int, str]:
        held = self._no_growth(load, running, now) if running else ""
        if held:
            return running, held
        step = 2 * running + 4
        more = (
            plan.target if plan.target <= step else max(running + 1, aligned(step, load.partitions))
        )
        self._gain.stepped(running, more, load.served_rate, now)
        self._up_s = now
        return more, ""

    def _no_growth(self, load: GroupLoad, running: int, now: float) -> str:
        """Return why the number may not grow, "" when it may."""
        rate = load.service_rate
        if 0 < load.lagging <= load.stuck:
            return f"all that waits is in {load.stuck} stuck partitions"
        if rate is None:
            return ""
        if missing := self._gain.missing(load.workers, load.served_rate, rate, now):
            return missing
        gathering_s = self._gathering_s(load, rate, running, now)
        if enough(load, rate, running, gathering_s, self._scaling):
            return f"{running} serve what waits within {self._scaling.catch_up:g} s"
        wait_s = self._up_s + min(_AGAIN_S, self._scaling.start_time) - now
        return f"the last step up was just now: {wait_s:.0f} s more" if wait_s > 0 else ""

    def _shrunk(self, plan: Plan, load: GroupLoad, running: int, now: float) -> tuple[int, str]:
        """Rules 10 and 11."""
        window_s, rate = self._scaling.down_window, load.service_rate
        if rate is None:
            return self._fewer(plan.target, now)
        fewer = max(self._highest.number, roomy(load, rate, self._scaling))
        if fewer >= running:
            return running, f"fewer were not enough within {window_s:g} s"
        if not self._highest.covered(now) or now - self._down_s < window_s:
            return running, f"not yet {window_s:g} s since the last look or change"
        if running - fewer < _DEAD_BAND * running:
            return running, f"{running - fewer} fewer are not worth a rebalance"
        return self._fewer(fewer, now)

    def _fewer(self, fewer: int, now: float) -> tuple[int, str]:
        self._down_s = now
        self._gain.forget()
        return fewer, ""

    def _ended(self) -> tuple[int, str]:
        self._gain.forget()
        return 0, ""


def _clock(wall_s: float) -> str:
    """Return the time of day, as logs have it."""
    second = round(wall_s) % 86_400
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02} UTC"


def bound_of(wanted: int, most: int, partitions: int) -> str:
    """Return what keeps the number below `wanted`, "" when nothing does."""
    if wanted <= most:
        return ""
    if most == partitions:
        return f"there are {most} partitions"
    return f"at most {most} may run"
