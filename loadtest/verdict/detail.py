"""What people look at and no target asks for: courses over time, bands, batches, who answered. Pure."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from loadtest.deployment.look import Look
from loadtest.plan.plan import Plan
from loadtest.traffic.records import Flags, Stages
from loadtest.traffic.seen import Seen
from loadtest.verdict.bands import Band, bands
from loadtest.verdict.course import Course, courses


class Detail(NamedTuple):
    """By class, what is by class. Only the courses and looks have the warm-up in them."""

    courses: dict[str, Course]
    bands: dict[str, list[Band]]
    batch_rows: dict[str, Counter[int]]
    """Sampled results by the rows that ran together."""
    served_by: Counter[str]
    """Sampled results by what says that it answered."""
    looks: Sequence[Look]


def detail(plan: Plan, seen: Seen, looks: Sequence[Look], warm_up_s: float) -> Detail:
    """Return the detail of what `seen` came to; looks as for findings()."""
    rows = seen.records
    counts = rows.intended_s >= warm_up_s
    which = {
        stream.name: counts & (rows.stream == index) for index, stream in enumerate(plan.streams)
    }
    return Detail(
        courses(rows, [stream.name for stream in plan.streams]),
        {name: bands(rows, seen.stages, each) for name, each in which.items()},
        {name: _batch_rows(seen.stages, each) for name, each in which.items()},
        seen.stages.served_by,
        looks,
    )


def _batch_rows(stages: Stages, which: Flags) -> Counter[int]:
    rows = stages.batch_rows[which[stages.numbers]]
    values, counts = np.unique(rows[rows > 0], return_counts=True)
    return Counter(dict(zip(values.tolist(), counts.tolist(), strict=True)))
