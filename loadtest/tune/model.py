"""What settings would come to at a rate, by the fit alone. Pure.

The batch that forms has b rows: what arrives within T after its first request, or, when the
executor is behind, what arrives while a batch runs (b = rate * (a + c * b)); never more than N.
The executor is busy for the share rate * (a + c * b) / b of the time. Percentiles come from
serving the very arrivals that would be offered (loadtest.tune.service).
"""

from typing import NamedTuple

import numpy as np

from loadtest.traffic.records import Floats
from loadtest.tune.fit import Fit
from loadtest.tune.service import Setting, serve


class Load(NamedTuple):
    """Requests that arrive at `times_s`, float64 (n,), at a mean rate, each with so many rows."""

    times_s: Floats
    per_s: float
    request_rows: int = 1

    @property
    def rows_per_s(self) -> float:
        """Rows a second."""
        return self.per_s * self.request_rows


class Bound(NamedTuple):
    """A target on a percentile of latency; 100 is the longest."""

    percent: float
    seconds: float


class Predicted(NamedTuple):
    """A setting by the model. `margin`: of the target that is nearest to its bound."""

    setting: Setting
    batch_rows: float
    busy: float
    latency_s: float
    margin: float


def batch_that_forms(fit: Fit, setting: Setting, load: Load) -> float:
    """Return b, rows."""
    rate = load.rows_per_s
    lingering = load.request_rows + rate * setting.linger_s
    left = 1 - rate * fit.per_row_s
    behind = rate * fit.base_s / left if left > 0 else np.inf
    return min(max(lingering, behind), _full(setting, load))


def busy_share(fit: Fit, setting: Setting, load: Load) -> float:
    """Return how busy the executor would be; from 1 on it falls behind for good."""
    rows = batch_that_forms(fit, setting, load)
    return load.rows_per_s * fit.run_s(rows) / rows


def can_carry(fit: Fit, setting: Setting, load: Load) -> bool:
    """Whether full batches would carry the rate."""
    full = _full(setting, load)
    return load.rows_per_s * fit.run_s(full) < full


def _full(setting: Setting, load: Load) -> int:
    """Return the rows of a full batch."""
    return setting.requests(load.request_rows) * load.request_rows


def predict(
    fit: Fit, setting: Setting, load: Load, bounds: list[Bound], overhead_s: float
) -> Predicted:
    """Return what `setting` would come to; `overhead_s` is the way there and back."""
    served = serve(load.times_s, setting, fit.run_s, request_rows=load.request_rows)
    latencies_s = np.sort(served.latency_s) + overhead_s
    values_s = [_percentile(latencies_s, bound.percent) for bound in bounds]
    margins = [1 - value_s / bound.seconds for value_s, bound in zip(values_s, bounds, strict=True)]
    nearest = int(np.argmin(margins))
    return Predicted(
        setting,
        float(served.batches.mean()),
        busy_share(fit, setting, load),
        values_s[nearest],
        margins[nearest],
    )


def _percentile(ascending: Floats, percent: float) -> float:
    rank = max(int(np.ceil(len(ascending) * percent / 100 - 1e-9)), 1)
    return float(ascending[rank - 1])
