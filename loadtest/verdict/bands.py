"""Where the time goes, for requests as fast as most and for those as slow as few. Pure.

The stations of the daemon are in the header `stages`; what is before the record's timestamp is the
load tester's own delay, and what is left of a latency is the way back: publishing, and reading.
"""

import math

import msgspec
import numpy as np

from loadtest.traffic.records import Flags, Outcome, Records, Stages

PERCENTS = (50.0, 90.0, 99.0, 99.9)
SEND = "send"
REST = "rest"
# Below, a mean says more of luck than of the line.
_LEAST_SAMPLES = 5


class Band(msgspec.Struct, frozen=True):
    """Requests around one percentile, and the mean time of each at every station."""

    percent: float
    samples: int
    latency_s: float
    stations_s: dict[str, float]
    """`send` first, `rest` last; a rest below 0 shows clocks of two machines that differ."""


def bands(rows: Records, stages: Stages, which: Flags) -> list[Band]:
    """Return the bands of the sampled results among the rows `which`.

    Around a percentile is what is at most half as far from it as the end: p99 has the ranks from
    98.5 to 99.5 %.
    """
    if not stages.seconds:
        return []
    mine = which[stages.numbers] & (rows.outcome[stages.numbers] == Outcome.RESULT)
    numbers = stages.numbers[mine]
    latency_s = rows.latency_s[numbers]
    order = np.argsort(latency_s, kind="stable")
    send_s = np.maximum((rows.handed_s - rows.intended_s)[numbers], 0.0)
    stations = {SEND: send_s, **{name: each[mine] for name, each in stages.seconds.items()}}
    found = []
    for percent in PERCENTS:
        reach = (100 - percent) / 2
        first, after = (
            math.floor(len(order) * edge / 100) for edge in (percent - reach, percent + reach)
        )
        if after - first < _LEAST_SAMPLES:
            continue
        here = order[first:after]
        means_s = {name: _mean_s(each[here]) for name, each in stations.items()}
        mean_s = _mean_s(latency_s[here])
        means_s[REST] = mean_s - sum(means_s.values())
        found.append(Band(percent, len(here), mean_s, means_s))
    return found


def _mean_s(seconds: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    """A reply that does not name a station was not there."""
    return float(np.nan_to_num(seconds).mean())
