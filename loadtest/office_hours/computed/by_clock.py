"""One by one on a machine that is always up, and in batches by the clock. Pure.

By the clock: at each time a machine is asked for, whether requests wait or not (a timer does not
know), a worker answers what had come by then, in batches, and the machine goes. Requests that come
meanwhile wait for the next time, although a worker takes some of them along: the waits here are
never too short. A turn that is not over at the next time goes on with what has come by then.
"""

import math
from collections.abc import Sequence

import numpy as np

from loadtest.office_hours.computed.day import Cost, Day, Up
from loadtest.office_hours.computed.hours import DAY_S, HOUR_S
from loadtest.scenario.rates import Times

DAY_FROM_S, DAY_TO_S = 8 * HOUR_S, 18 * HOUR_S
"""The business day: from 8 to 18, as deploy/systemd/tidemill-catch-up.timer has it."""


def one_by_one(times_s: Times, cost: Cost) -> Day:
    """Return the day of a worker that is up all day and answers each request at once, in turn."""
    run_s = cost.run_s(1)
    # The n-th is done at max over m <= n of (arrival of m + all runs from m to n).
    runs_s = run_s * np.arange(1, len(times_s) + 1)
    done_s = np.maximum.accumulate(times_s - runs_s + run_s) + runs_s
    return Day(done_s - times_s, (Up(0.0, max(DAY_S, float(done_s[-1]))),), float(runs_s[-1]))


def ticks_s(linger_day_s: float, linger_night_s: float) -> list[float]:
    """Return the times at which batches begin, ascending; the last one is midnight.

    Raises ValueError when a linger does not divide its part of the day, so that nobody would wait
    longer than it.
    """
    parts = ((0.0, DAY_FROM_S), (DAY_FROM_S, DAY_TO_S), (DAY_TO_S, DAY_S))
    lingers_s = (linger_night_s, linger_day_s, linger_night_s)
    found: list[float] = []
    for (from_s, to_s), linger_s in zip(parts, lingers_s, strict=True):
        times = round((to_s - from_s) / linger_s) if linger_s > 0 else 0
        if times < 1 or not math.isclose(times * linger_s, to_s - from_s):
            raise ValueError(f"{linger_s:g} s do not divide {(to_s - from_s) / HOUR_S:g} hours")
        found += [from_s + linger_s * (place + 1) for place in range(times)]
    return found


def batches(times_s: Times, ticks: Sequence[float], cost: Cost) -> Day:
    """Return the day of a machine that is up from each of `ticks` until what waits is answered."""
    done_s, ups = np.empty(len(times_s)), list[Up]()
    busy_s, first, free_s = 0.0, 0, -math.inf
    for tick_s in ticks:
        after = int(np.searchsorted(times_s, tick_s, side="right"))
        if tick_s <= free_s:
            up = ups.pop()
        else:
            is_up = bool(ups) and tick_s <= ups[-1].to_s
            up = ups.pop() if is_up else Up(tick_s, tick_s)
            free_s = max(tick_s, up.to_s) + (cost.start_s if is_up else cost.ready_s)
        for run_s in cost.batch_s(after - first):
            until = min(first + cost.max_rows, after)
            free_s += run_s
            busy_s += run_s
            done_s[first:until] = free_s
            first = until
        ups.append(Up(up.from_s, free_s + cost.end_s))
    return Day(done_s - times_s, tuple(ups), busy_s)
