"""Whether one series lies above another, by ranks alone. Pure.

Mann and Whitney's test in its normal approximation with a correction for ties. Source: H. B. Mann,
D. R. Whitney, "On a Test of Whether one of Two Random Variables is Stochastically Larger than the
Other", Ann. Math. Statist. 18, 1947.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np


def chance_of_being_above(before: Sequence[float], after: Sequence[float]) -> float:
    """Return how probable it is to see `after` so far above `before` when they do not differ."""
    values = np.concatenate([before, after])
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    # Equal values share the mean of their ranks.
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    n, m = len(before), len(after)
    above = float(ranks[n:].sum()) - m * (m + 1) / 2
    total = n + m
    ties = float((counts**3 - counts).sum()) / (total * (total - 1))
    deviation = math.sqrt(n * m / 12 * (total + 1 - ties))
    if deviation == 0:  # all values are equal
        return 1.0
    return 1 - NormalDist().cdf((above - n * m / 2 - 0.5) / deviation)
