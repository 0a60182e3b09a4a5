"""How many samples it takes to be sure of a percentile. Pure.

The rule of MLPerf LoadGen: that at least a share p stays within a bound is shown by n samples of
which t do not, when so few would be seen with at most 1 % probability if exactly 1 - p did not.
p99 needs 459 samples without one over, 662 with one, 6898 with fifty.
Source: https://github.com/mlcommons/inference/blob/master/loadgen/early_stopping.cc
"""

from collections.abc import Callable

from loadtest.verdict.binomial import at_most

DOUBT = 0.01
"""Probability of a wrong word, as LoadGen allows it."""
_INTERVAL = 0.95
"""Probability that an interval holds the true value, as is the custom."""


def shows(over: int, samples: int, allowed: float) -> bool:
    """Whether `over` of `samples` show that the share over the bound is below `allowed`."""
    return samples > 0 and at_most(over, samples, allowed) <= DOUBT


def refutes(over: int, samples: int, allowed: float) -> bool:
    """Whether `over` of `samples` show that the share over the bound is above `allowed`."""
    return samples > 0 and 1 - at_most(over - 1, samples, allowed) <= DOUBT


def needed(over: int, allowed: float) -> int:
    """Return the fewest samples with which `over` show it; `allowed` lies within 0 and 1."""
    low, high = over, max(2 * over, 1)
    while not shows(over, high, allowed):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shows(over, middle, allowed) else (middle, high)
    return high


def ranks(samples: int, share: float) -> tuple[int, int]:
    """Return the ranks, from 1, of the order statistics that hold a quantile with 95 %.

    The lower is 0 and the upper samples + 1 where the samples are too few for a bound. Source:
    H. A. David, H. N. Nagaraja, "Order Statistics", 3rd edition, 7.1.
    """
    tail = (1 - _INTERVAL) / 2
    lower = _first(samples, lambda rank: at_most(rank, samples, share) > tail)
    upper = _first(samples, lambda rank: at_most(rank - 1, samples, share) >= 1 - tail)
    return lower, upper


def share_interval(count: int, samples: int) -> tuple[float, float]:
    """Return the share of which `count` of `samples` are a sight, with 95 % (Clopper-Pearson)."""
    tail = (1 - _INTERVAL) / 2
    low = _bisect(lambda share: 1 - at_most(count - 1, samples, share) < tail) if count else 0.0
    high = _bisect(lambda share: at_most(count, samples, share) > tail) if count < samples else 1.0
    return low, high


def _first(samples: int, holds: Callable[[int], bool]) -> int:
    """Return the first rank from 0 on for which it holds, samples + 1 when none does."""
    low, high = 0, samples + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _bisect(holds: Callable[[float], bool]) -> float:
    """Return the largest share, to nine digits, for which it holds as for all smaller ones."""
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
