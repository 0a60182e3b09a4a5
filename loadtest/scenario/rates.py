"""Rates that change over time, and when requests are due under them. Pure.

A process of rate 1 (arrival_processes.PROCESSES) is stretched: its n-th time is a number of requests,
and the request is due when the rates have added up to that number. Even, Poisson and bursty arrivals
keep their nature under any rate this way. Source: E. Cinlar, "Introduction to Stochastic Processes",
1975, chapter 4.7 (time change of a Poisson process).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.float64]
"""Seconds after the start of a run, ascending."""


class Segment(NamedTuple):
    """A rate that changes evenly from `first_per_s` to `last_per_s` within `duration_s`."""

    duration_s: float
    first_per_s: float
    last_per_s: float

    @property
    def requests(self) -> float:
        """How many requests are due in it."""
        return self.duration_s * (self.first_per_s + self.last_per_s) / 2


def requests_of(segments: Sequence[Segment]) -> float:
    """Return how many requests are due in all segments."""
    return sum(segment.requests for segment in segments)


def due_s(counts: Times, segments: Sequence[Segment]) -> Times:
    """Return when so many requests are due, in seconds, float64 (n,).

    `counts`: float64 (n,), ascending, below requests_of(segments).
    """
    mass = np.array([segment.requests for segment in segments])
    ends = np.cumsum(mass)
    which = np.minimum(np.searchsorted(ends, counts, side="right"), len(segments) - 1)
    starts_s = np.concatenate([[0.0], np.cumsum([segment.duration_s for segment in segments])])
    first = np.array([segment.first_per_s for segment in segments])[which]
    slope = np.array([(each.last_per_s - each.first_per_s) / each.duration_s for each in segments])[
        which
    ]
    left = counts - (ends - mass)[which]
    # The root of first * t + slope * t^2 / 2 = left in the form that holds for a slope of zero.
    root = np.sqrt(np.maximum(first**2 + 2 * slope * left, 0.0))
    within_s = np.divide(2 * left, first + root, out=np.zeros_like(left), where=left > 0)
    due: Times = starts_s[which] + within_s
    return due
