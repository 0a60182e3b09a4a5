"""Many workers: whether the scaler decides as it does for few, and what its decisions cost."""

import time
from collections.abc import Iterator, Sequence
from math import isinf
from typing import NamedTuple

from studies.scaling.own import Own
from studies.scaling.page import OWN
from studies.scaling.patterns import Pattern, pulse
from studies.scaling.replay import Measured, replay
from studies.scaling.rules import Sight
from studies.scaling.site import Site

SIZES = ((24, 24), (100, 1_000), (1_000, 10_000))
"""Workers and partitions."""
_HOURS = 0.25
_BASE, _PEAK = 8.0, 62.5
"""Records a second for each worker there may be, who serves 100: with 24 of them the step of 200 and 1500."""
_ALIKE_S = 10.0
"""By which a wait may differ: two steps up more. They come 5 s apart, and twice as many and four are
three times as many for a few and twice as many for a thousand."""
_ALIKE = 1.15
"""The same of worker-hours."""


class Sized(NamedTuple):
    """What the scaler made of a step that grows with the workers; `cpu_s`: its own for a simulated hour."""

    workers: int
    partitions: int
    made: Measured
    busiest: int
    cpu_s: float

    @property
    def hours_each(self) -> float:
        """Worker-hours for each worker that there may be."""
        return self.made.worker_hours / self.workers


def measured(sizes: Sequence[tuple[int, int]] = SIZES) -> list[Sized]:
    """Replay the step for each number of workers and partitions; takes two minutes and 3 GB."""
    return [_sized(workers, partitions) for workers, partitions in sizes]


def unlike(few: Sized, many: Sized) -> list[str]:
    """Return in what the scaler decides otherwise for `many` workers than for `few`."""
    found = []
    if many.busiest > many.workers:
        found.append(f"{many.busiest} workers where {many.workers} are the most")
    if many.made.p99_s > few.made.p99_s + _ALIKE_S:
        found.append(f"p99 {many.made.p99_s:.1f} s instead of {few.made.p99_s:.1f} s")
    if many.hours_each > few.hours_each * _ALIKE:
        found.append(f"{many.hours_each:.3f} hours a worker instead of {few.hours_each:.3f}")
    return found


def table(sizes: Sequence[Sized]) -> str:
    """Return it in Markdown."""
    return "\n".join(_lines(sizes))


def _lines(sizes: Sequence[Sized]) -> Iterator[str]:
    yield (
        "| workers at most · partitions | p99 wait | worker-hours for each · changes | most at once |"
        " CPU of the scaler, a simulated hour |"
    )
    yield "|---|---:|---:|---:|---:|"
    for each in sizes:
        wait = "never" if isinf(each.made.p99_s) else f"{each.made.p99_s:.1f} s"
        yield (
            f"| {each.workers:,} · {each.partitions:,} | {wait} | {each.hours_each:.3f} ·"
            f" {each.made.changes} | {each.busiest:,} | {each.cpu_s:.1f} s |"
        )


class _Timed:
    """The scaler, with the CPU that it takes."""

    def __init__(self, site: Site) -> None:
        self._own = Own(OWN, site, service_rate=site.service_rate)
        self.name = OWN
        self.linger_s: float | None = None
        self.opens = False
        self.busiest = 0
        self.cpu_s = 0.0
        self.looks = 0

    def workers(self, sight: Sight, now: float) -> int:
        """Return what the scaler says."""
        began_s = time.process_time()
        wanted = self._own.workers(sight, now)
        self.cpu_s += time.process_time() - began_s
        self.looks += 1
        self.busiest = max(self.busiest, wanted)
        return wanted


def _sized(workers: int, partitions: int) -> Sized:
    site = Site(partitions=partitions, most=workers)
    step = pulse(_BASE * workers, _PEAK * workers, from_s=180, for_s=360)
    timed = _Timed(site)
    (made,) = replay(Pattern("step", _HOURS, step), [timed], site)
    return Sized(workers, partitions, made, timed.busiest, timed.cpu_s / timed.looks * 3600)
