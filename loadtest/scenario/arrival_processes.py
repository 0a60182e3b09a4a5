"""Processes by which requests arrive: at once, evenly, or by chance. Pure.

A *process* is a word of a class's key `arrivals`: an entry of `PROCESSES`.
"""

from collections.abc import Callable

import numpy as np

from loadtest.scenario.rates import Times

# Enough for a Poisson or bursty process of the wanted length, but for one run in millions.
_SPARE_DEVIATIONS = 6


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


def _enough(wanted: float, deviation: float) -> int:
    """Return how many times of a process of rate 1 are longer than `wanted`, or nearly always so."""
    spare = _SPARE_DEVIATIONS * deviation * (wanted**0.5 + _SPARE_DEVIATIONS * deviation)
    return int(wanted + spare) + 1


PROCESSES: dict[str, Callable[[float, int, float], Times]] = {
    "constant": lambda wanted, _seed, _burstiness: constant(1.0, int(wanted) + 1),
    "poisson": lambda wanted, seed, _burstiness: poisson(1.0, _enough(wanted, 1.0), seed),
    "bursty": lambda wanted, seed, burstiness: bursty(
        1.0, _enough(wanted, burstiness), seed, burstiness=burstiness
    ),
}
"""Processes of rate 1 that are longer than so many requests, by length, seed and burstiness."""
