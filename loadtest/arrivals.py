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
