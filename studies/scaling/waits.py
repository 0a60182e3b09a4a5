"""How long records waited, by when the counts of arrivals and of answers reached them. Pure.

A partition's records are answered in their order, so the record that arrived as its k-th was
answered when k were.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from studies.scaling.patterns import STEP_S


def waits(
    arrived: npt.NDArray[np.int64],
    answered: npt.NDArray[np.float32],
    steps: int,
    commit_s: float,
) -> npt.NDArray[np.float64]:
    """Return the wait in seconds of what arrived in each of the first `steps`, by partition.

    Args:
        arrived: records up to the end of each step, by partition.
        answered: records up to each commit, by partition; one every `commit_s`.
        steps: how many are of interest.
        commit_s: seconds; what was never answered has waited for ever.
    """
    before = np.vstack([np.zeros_like(arrived[:1]), arrived[: steps - 1]])
    middle = (before + arrived[:steps]) / 2
    came_s = (np.arange(steps) + 0.5) * STEP_S
    commits_s = (np.arange(len(answered)) + 1) * commit_s
    answered_s = [
        np.interp(middle[:, number], answered[:, number], commits_s, right=np.inf)
        for number in range(arrived.shape[1])
    ]
    waited_s: npt.NDArray[np.float64] = np.stack(answered_s, axis=1) - came_s[:, None]
    return waited_s


def quantiles(
    values: npt.NDArray[np.float64], counts: npt.NDArray[np.int64], shares: Sequence[float]
) -> list[float]:
    """Return, for each share, the smallest of `values` that it of the `counts` do not exceed."""
    order = np.argsort(values, axis=None)
    so_far = np.cumsum(counts.ravel()[order])
    found = order[np.searchsorted(so_far, np.array(shares) * so_far[-1])]
    return [float(value) for value in values.ravel()[found]]
