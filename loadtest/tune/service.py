"""A lane and its executor as they would be with other settings: arrivals in, latencies out. Pure.

The rules of the daemon: a batch closes when it has N rows, or T after its first request arrived;
while two batches are in flight, one running and one assembled ahead, the next one goes on growing.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from loadtest.traffic.records import Counts, Floats

_IN_FLIGHT = 2
"""limits.batches_in_flight by default."""


class Setting(NamedTuple):
    """N and T of a lane."""

    max_rows: int
    linger_s: float

    def requests(self, request_rows: int) -> int:
        """Return how many requests of so many rows a batch holds at most."""
        return max(self.max_rows // request_rows, 1)


class Served(NamedTuple):
    """`latency_s` of each request, float64 (n,); `batches`: rows of each; the executor's share."""

    latency_s: Floats
    batches: Counts
    busy: float


def serve(
    times_s: Floats,
    setting: Setting,
    run_s: Callable[[float], float],
    *,
    request_rows: int = 1,
) -> Served:
    """Return what becomes of requests that arrive at `times_s`, float64 (n,), ascending, n > 0."""
    most = setting.requests(request_rows)
    arrivals = times_s.tolist()
    done_s = np.empty(len(arrivals))
    sizes = []
    ends_s = [-np.inf] * _IN_FLIGHT
    busy_s, first = 0.0, 0
    while first < len(arrivals):
        closed_s = max(_ripe_s(arrivals, first, most, setting.linger_s), ends_s[-_IN_FLIGHT])
        after = min(bisect_right(arrivals, closed_s, first), first + most)
        took_s = run_s((after - first) * request_rows)
        end_s = max(closed_s, ends_s[-1]) + took_s
        done_s[first:after] = end_s
        sizes.append((after - first) * request_rows)
        ends_s = [*ends_s[1:], end_s]
        busy_s += took_s
        first = after
    span_s = max(ends_s[-1] - arrivals[0], 1e-9)
    return Served(done_s - times_s, np.array(sizes, np.int32), busy_s / span_s)


def _ripe_s(arrivals: Sequence[float], first: int, most: int, linger_s: float) -> float:
    lingered_s = arrivals[first] + linger_s
    last = first + most - 1
    return min(arrivals[last], lingered_s) if last < len(arrivals) else lingered_s
