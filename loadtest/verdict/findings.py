"""Everything that targets are judged by: figures by class, and the daemon's own. Pure."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from loadtest.deployment.look import Look
from loadtest.plan.plan import Plan
from loadtest.traffic.records import Flags
from loadtest.traffic.seen import Pulse, Seen
from loadtest.verdict.detail import Detail, detail
from loadtest.verdict.figures import Figures, figures
from loadtest.verdict.latencies import Latencies
from loadtest.verdict.series import Slice, series

# A median of fewer looks is luck.
_LEAST_LOOKS = 8


class Daemon(NamedTuple):
    """The daemon, by its metrics, from the warm-up to the last reply; growth as a share.

    NaN is what it does not say.
    """

    utilisation: float
    memory_growth: float
    descriptor_growth: float
    memory_bytes: float
    """At the last look."""
    descriptors: float


class Findings(NamedTuple):
    """What a run came to. `warm_up` has the requests that do not count."""

    whole: Figures
    by_class: dict[str, Figures]
    warm_up: Figures | None
    series: dict[str, list[Slice]]
    daemon: Daemon | None
    pulse: Latencies
    """How late the load tester's own timers were."""
    cpu_share: float
    """Of one core, used by the load tester."""
    foreign: int
    unread: int
    failed_sends: list[str]
    is_interrupted: bool
    detail: Detail


def findings(plan: Plan, seen: Seen, looks: Sequence[Look], warm_up_s: float) -> Findings:
    """Return what `seen` came to; looks are the daemon's, if its metrics were read."""
    rows = seen.records
    counts = rows.intended_s >= warm_up_s

    def of(which: Flags, before: Flags | None = None) -> Figures:
        return figures(rows, seen.codes, seen.stages, which, before)

    return Findings(
        whole=of(counts, ~counts),
        by_class={
            stream.name: of(counts & (rows.stream == index), ~counts & (rows.stream == index))
            for index, stream in enumerate(plan.streams)
        },
        warm_up=of(~counts) if not counts.all() else None,
        series={
            stream.name: series(rows.rows(counts & (rows.stream == index)))
            for index, stream in enumerate(plan.streams)
        },
        daemon=_daemon(looks, warm_up_s, float(np.nanmax(rows.received_s, initial=0.0))),
        pulse=_late(seen.pulse),
        cpu_share=seen.pulse.cpu_share,
        foreign=seen.foreign,
        unread=seen.unread,
        failed_sends=seen.failed_sends,
        is_interrupted=seen.is_interrupted,
        detail=detail(plan, seen, looks, warm_up_s),
    )


def _late(pulse: Pulse) -> Latencies:
    return Latencies(np.array(pulse.late_s))


def _daemon(looks: Sequence[Look], from_s: float, to_s: float) -> Daemon | None:
    """Return the daemon's figures; None when it was not seen often enough, from first to last."""
    mine = [look for look in looks if from_s <= look.at_s <= to_s]
    quarter_s = (to_s - from_s) / 4
    early = [look for look in mine if look.at_s <= from_s + quarter_s]
    late = [look for look in mine if look.at_s >= to_s - quarter_s]
    if len(mine) < _LEAST_LOOKS or min(len(early), len(late)) < _LEAST_LOOKS // 4:
        return None
    memory = [float(np.median([look.memory_bytes for look in each])) for each in (early, late)]
    files = [float(np.median([look.descriptors for look in each])) for each in (early, late)]
    return Daemon(
        _utilisation(mine),
        memory[1] / memory[0] - 1 if memory[0] else np.nan,
        files[1] - files[0],
        mine[-1].memory_bytes,
        mine[-1].descriptors,
    )


def _utilisation(looks: Sequence[Look]) -> float:
    """Return the share of the time of all executors, as many as there were at each look."""
    could_s = sum(
        before.executors * (after.at_s - before.at_s) for before, after in pairwise(looks)
    )
    return (looks[-1].busy_s - looks[0].busy_s) / could_s if could_s else np.nan
