"""A load, replayed against several rules side by side."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from studies.scaling.fleet import URGENT_S, Fleet
from studies.scaling.patterns import STEP_S, Pattern
from studies.scaling.rules import Rule, Sight
from studies.scaling.site import Site
from studies.scaling.waits import quantiles, waits

_TAIL_S = 900
"""So long the load goes on at most after what is measured, until that is served."""


class Measured(NamedTuple):
    """What a rule made of a load: how long records waited for a reply, and what that took.

    `late_s` is the p99 of what they waited beyond their lane's linger, in the lane where it is longest.
    """

    rule: str
    p95_s: float
    p99_s: float
    worker_hours: float
    changes: int
    late_s: float = 0.0


class _Played(NamedTuple):
    commits: npt.NDArray[np.float32]
    worker_s: list[int]
    changes: list[int]


def replay(pattern: Pattern, rules: Sequence[Rule], site: Site) -> list[Measured]:
    """Return what each of `rules` made of `pattern`, from no workers on."""
    measured_s = round(pattern.hours * 3600)
    arrivals = pattern.arrivals(measured_s + _TAIL_S + site.linger_s, site)
    arrived = np.cumsum(arrivals, axis=0)
    commits, worker_s, changes = _play(arrived, rules, site, measured_s)
    counts = arrivals[: round(measured_s / STEP_S)]
    made = []
    for index, rule in enumerate(rules):
        waited_s = waits(arrived, commits[:, index], len(counts), site.commit_s)
        p95_s, p99_s = quantiles(waited_s, counts, (0.95, 0.99))
        hours, late_s = worker_s[index] / 3600, _late_s(waited_s, counts, site)
        made.append(Measured(rule.name, p95_s, p99_s, hours, changes[index], late_s))
    return made


def _late_s(waited_s: npt.NDArray[np.float64], counts: npt.NDArray[np.int64], site: Site) -> float:
    promised_s = np.full(len(counts), site.linger_s)
    if site.promise_s:  # by the next moment
        promised_s = site.promise_s - (np.arange(len(counts)) + 0.5) * STEP_S % site.promise_s
    lates_s = [
        quantiles(np.maximum(0.0, waited_s[:, lane] - may_s[:, None]), counts[:, lane], (0.99,))
        for lane, may_s in zip(
            site.lanes, (promised_s, np.full(len(counts), URGENT_S)), strict=False
        )
    ]
    return max(late_s for (late_s,) in lates_s)


def _play(
    arrived: npt.NDArray[np.int64], rules: Sequence[Rule], site: Site, measured_s: int
) -> _Played:
    """Serve step by step, commit now and then, and ask every rule once a second."""
    fleet = Fleet(len(rules), site, [rule.linger_s for rule in rules])
    steps_a_commit, steps_a_look = round(site.commit_s / STEP_S), round(1 / STEP_S)
    rounds = len(arrived) // steps_a_commit
    commits = np.zeros((rounds, len(rules), site.partitions), dtype=np.float32)
    played = _Played(commits, [0] * len(rules), [0] * len(rules))
    for step, ends in enumerate(arrived, start=1):
        now = step * STEP_S
        fleet.step(ends, now)
        if step % steps_a_commit == 0:
            commits[step // steps_a_commit - 1] = fleet.done
        if step % steps_a_look == 0:
            seen = commits[step // steps_a_commit - 1].astype(np.int64)
            _ask(rules, fleet, ends, seen, now, played, counts=now <= measured_s)
            if now >= measured_s and (seen >= arrived[round(measured_s / STEP_S) - 1]).all():
                return played._replace(commits=commits[: step // steps_a_commit])
    return played


def _ask(
    rules: Sequence[Rule],
    fleet: Fleet,
    ends: npt.NDArray[np.int64],
    commits: npt.NDArray[np.int64],
    now: float,
    played: _Played,
    *,
    counts: bool,
) -> None:
    lags = (ends - commits).sum(axis=1).tolist()
    for index, rule in enumerate(rules):
        running = fleet.workers[index]
        sight = Sight(ends, commits[index], lags[index], running, fleet.members[index])
        wanted = rule.workers(sight, now)
        if counts:
            played.worker_s[index] += wanted
            played.changes[index] += wanted != running
        if wanted != running:
            fleet.resize(index, wanted, now)
        if rule.opens:
            fleet.open(index, ends)
