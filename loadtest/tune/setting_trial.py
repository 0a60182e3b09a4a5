"""A setting that was run, and whether it meets the targets with margin. Pure."""

import math
from typing import NamedTuple

import numpy as np

from loadtest.tune.choice import MARGIN
from loadtest.tune.service import Setting
from loadtest.verdict.findings import Findings
from loadtest.verdict.judge import Ruling, TargetOutcome
from loadtest.verdict.metrics import Unit
from loadtest.verdict.verdict import Verdict, VerdictWord


class SettingTrial(NamedTuple):
    """What came of a run. `latency_s` and `margin` are of the latency target nearest its bound.

    `busy` is NaN without metrics; `why`: why it does not meet the targets, else empty.
    """

    setting: Setting
    seconds: float
    metric: str
    latency_s: float
    margin: float
    throughput_per_s: float
    busy: float
    batch_rows: float
    missing: int
    why: str
    word: VerdictWord
    is_void: bool
    """Whether the run proves nothing, since the load tester was late or the limit."""

    @property
    def meets(self) -> bool:
        """Whether it meets the targets, with margin, by what was measured."""
        return not self.why


def setting_trial(
    setting: Setting, seconds: float, findings: Findings, verdict: Verdict, batch_rows: float
) -> SettingTrial:
    """Return what is kept of a run; `batch_rows` is the mean of its batches."""
    latencies = [ruling for ruling in verdict.rulings if _is_latency(ruling)]
    nearest = min(latencies, key=_margin)
    whole = findings.whole
    return SettingTrial(
        setting,
        seconds,
        str(nearest.target.metric),
        nearest.value,
        _margin(nearest),
        whole.throughput.value if whole.throughput else math.nan,
        findings.daemon.utilisation if findings.daemon else math.nan,
        batch_rows,
        whole.missing,
        _why(verdict),
        verdict.word,
        is_void=bool(verdict.doubts),
    )


def mean_batch_rows(batch_rows: "np.ndarray[tuple[int], np.dtype[np.int32]]") -> float:
    """Return the mean rows of batches by the replies, of which a batch of b rows gave b."""
    known = batch_rows[batch_rows > 0].astype(np.float64)
    return float(len(known) / (1 / known).sum()) if len(known) else math.nan


def _why(verdict: Verdict) -> str:
    if verdict.doubts:
        return "proves nothing: " + "; ".join(verdict.doubts)
    return "; ".join(reason for ruling in verdict.rulings if (reason := _against(ruling)))


def _against(ruling: Ruling) -> str:
    if ruling.outcome is TargetOutcome.MISSED:
        return f"misses {ruling.target.text}"
    if math.isnan(ruling.value):
        return f"{ruling.target.text} was not measured"
    if _is_latency(ruling) and _margin(ruling) < MARGIN:
        return f"leaves less than {MARGIN:.0%} of {ruling.target.text}"
    return ""


def _is_latency(ruling: Ruling) -> bool:
    metric = ruling.target.metric
    return metric.kind.unit is Unit.SECONDS and metric.name != "drain" and not metric.argument


def _margin(ruling: Ruling) -> float:
    return ruling.margin if ruling.margin is not None else -math.inf
