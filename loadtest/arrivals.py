"""When requests are meant to arrive: seconds after the start of a run, ascending. Pure."""

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.float64]


def at_once(count: int) -> Times:
    """Return `count` times of zero: a backlog."""
    return np.zeros(count)


def constant(rate_per_s: float, count: int) -> Times:
    """Return `count` times at even distances."""
    return np.arange(count) / rate_per_s


def poisson(rate_per_s: float, count: int, seed: int) -> Times:
    """Return `count` times of a Poisson process, the same for the same seed.

    Independent users make such traffic; its bursts are what a queue must bear.
    """
    gaps_s = np.random.default_rng(seed).exponential(1 / rate_per_s, count)
    return np.cumsum(gaps_s)


def bursty(rate_per_s: float, count: int, seed: int, *, burstiness: float) -> Times:
    """Return `count` times whose gaps are gamma-distributed, the same for the same seed.

    `burstiness` is the standard deviation of the gaps over their mean (1: Poisson; more: clusters
    and silences between them).
    """
    shape = burstiness**-2
    random = np.random.default_rng(seed)
    return np.cumsum(random.gamma(shape, 1 / (shape * rate_per_s), count))
