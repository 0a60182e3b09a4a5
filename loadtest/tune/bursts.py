"""Batches of known sizes: requests that leave together, so that they run together. Pure."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from loadtest.traffic.records import Counts, Floats, Stages
from loadtest.tune.fit import BatchRun

_BUDGET_S = 40.0
"""For all bursts; twenty of each size take about as long with a model of some milliseconds."""
_MOST_EACH = 25
"""A guess: a median of more would not move a proposal."""
_LEAST_EACH = 3
"""As fit.py wants them."""
_SPARE = 1.2
"""Over what the single request took."""
_RUN_SPARE = 1.5
"""Over what further requests of the probe took, which ran once and may have been lucky; a guess."""
_GAP_S = 0.02
"""Beside both, for what a busy machine is late by; a guess."""
_PROBE_GAP_S = 1.0
"""A guess: most models are done with a burst by then, and who is not answers it a little later."""
_NO_HURRY = "1h"
"""Longer than a batch runs."""


class Burst(NamedTuple):
    """So many requests at one time after the start."""

    at_s: float
    requests: int


class Answered(NamedTuple):
    """Replies with results, each array (n,). `burst`: which one its request was of.

    `batch_rows` is 0 and `run_s` NaN where a reply does not say.
    """

    burst: Counts
    batch_rows: Counts
    run_s: Floats
    wait_s: Floats
    latency_s: Floats

    @property
    def overhead_s(self) -> float:
        """The way there and back beside waiting and running: the median."""
        beside_s = self.latency_s - self.wait_s - self.run_s
        known = beside_s[~np.isnan(beside_s)]
        return float(max(np.median(known), 0.0)) if len(known) else 0.0


def answered(stages: Stages, latency_s: Floats, burst: Counts) -> Answered:
    """Return what a run's replies say; `latency_s` and `burst`: of every request."""
    unknown = np.full(len(stages.numbers), np.nan)
    return Answered(
        burst[stages.numbers],
        stages.batch_rows,
        stages.seconds.get("run", unknown),
        stages.seconds.get("wait", unknown),
        latency_s[stages.numbers],
    )


def probe(most: int) -> list[Burst]:
    """Return two single requests and one burst of the most, to see how long such things take."""
    sizes = (1, 1, most)
    return [Burst(_PROBE_GAP_S * place, size) for place, size in enumerate(sizes)]


def request_rows(bursts: Sequence[Burst], answered: Answered) -> int:
    """Return how many rows a request has, by those that ran alone."""
    alone = [number for number, burst in enumerate(bursts) if burst.requests == 1]
    rows = answered.batch_rows[np.isin(answered.burst, alone) & (answered.batch_rows > 0)]
    return max(int(np.median(rows)), 1) if len(rows) else 1


def ladder(probed: Sequence[Burst], answered: Answered, most: int, seed: int) -> list[Burst]:
    """Return the bursts to fit by: sizes up to `most` in mixed order, each as often as there is time."""
    single_s = _slowest_s(answered, [0, 1])
    most_s = _slowest_s(answered, [len(probed) - 1])
    per_request_s = max(most_s - single_s, 0.0) / most

    def gap_s(size: int) -> float:
        return _SPARE * single_s + _RUN_SPARE * per_request_s * size + _GAP_S

    sizes = sizes_up_to(most)
    if _LEAST_EACH * sum(map(gap_s, sizes)) > _BUDGET_S:
        sizes = [size for size in sizes if size.bit_count() == 1 or size == most]
    each = int(_BUDGET_S / sum(map(gap_s, sizes)))
    order = np.random.default_rng(seed).permutation(sizes * min(max(each, _LEAST_EACH), _MOST_EACH))
    ends_s = itertools.accumulate((gap_s(size) for size in order.tolist()), initial=0.0)
    return [Burst(at_s, size) for at_s, size in zip(ends_s, order.tolist(), strict=False)]


def sizes_up_to(most: int) -> list[int]:
    """Return the powers of two and what lies in their middle, up to `most`."""
    powers = [1 << place for place in range(most.bit_length())]
    middles = [power * 3 // 2 for power in powers if power > 1]
    return sorted({size for size in (*powers, *middles, most) if size <= most})


def whole_batches(lanes: Iterable[str]) -> Mapping[str, str]:
    """Return the daemon's settings by which no batch is cut for another lane's sake."""
    return {f"lanes.{lane}.patience": _NO_HURRY for lane in lanes}


def took_s(bursts: Sequence[Burst]) -> float:
    """Return how long the bursts take."""
    return bursts[-1].at_s if bursts else 0.0


def runs(answered: Answered) -> list[BatchRun]:
    """Return the batches that ran: the replies of a burst with one size and one run time are one."""
    known = (answered.batch_rows > 0) & ~np.isnan(answered.run_s)
    batches = {
        (burst, rows, run_s)
        for burst, rows, run_s in zip(
            answered.burst[known].tolist(),
            answered.batch_rows[known].tolist(),
            answered.run_s[known].tolist(),
            strict=True,
        )
    }
    return [BatchRun(rows, run_s) for _, rows, run_s in sorted(batches)]


def _slowest_s(answered: Answered, which: Sequence[int]) -> float:
    mine = answered.latency_s[np.isin(answered.burst, which)]
    return float(mine.max()) if len(mine) else math.nan
