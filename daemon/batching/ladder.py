"""The few numbers of rows that runs of a model have where each other number costs extra. Pure.

On a GPU a convolution keeps its plan for the rows of the run before only (onnxruntime since 1.20, with
cuDNN 9: core/providers/cuda/nn/conv.cc): a run of another number of rows makes each of them a new
plan, which takes longer than many rows. So a batch is filled up to the next of a few numbers, the
rungs, and what filled it up is cut off its outputs.
Rule 1: the highest rung is N, the largest of the model's lanes, or what a lane's max_bytes leaves of it: no
larger batch comes. Each other is an eighth of the one above,
rounded up; the lowest has at most eight rows. So a run has at most eight times the rows that it was
asked for, and never more than a full batch: where there is enough to do nothing is filled up.
Rule 2: where there is memory for fewer rows than N, that number stands in for the rungs above it.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Protocol

from config.settings import Lane, Settings
from runtime.signature import Signature

STEP = 8
"""Between two rungs. docs/decisions/0026-a-gpu-runs-few-sizes.md"""


class Loaded(Protocol):
    """What is asked of a model's session; see runtime.session.Session."""

    @property
    def on_cpu(self) -> bool:
        """Whether it runs on the CPU, where one number of rows is as good as another."""

    @property
    def signature(self) -> Signature:
        """What goes in and comes out."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """`rungs` ascend; without any, runs have the rows that they have."""

    rungs: tuple[int, ...] = ()

    @classmethod
    def to(cls, most_rows: int) -> "Ladder":
        """Return the one whose highest rung is `most_rows`."""
        rungs = [most_rows]
        while rungs[-1] > STEP:
            rungs.append(-(-rungs[-1] // STEP))
        return cls(tuple(reversed(rungs)))

    def up(self, rows: int) -> int:
        """Return the rows of a run that is asked for `rows`; above the highest rung, just those."""
        place = bisect_left(self.rungs, rows)
        return self.rungs[place] if place < len(self.rungs) else rows

    def down(self, rows: int) -> int:
        """Return the highest rung that is at most `rows`, or the lowest one."""
        return self.rungs[max(bisect_right(self.rungs, rows) - 1, 0)] if self.rungs else rows

    def within(self, most_rows: float) -> "Ladder":
        """Return it as far as there is memory: up to `most_rows`."""
        if not self.rungs or self.rungs[-1] <= most_rows:
            return self
        most = int(most_rows)
        return Ladder((*[rung for rung in self.rungs if rung < most], most))


EXACT = Ladder()
"""Of a model to which all numbers of rows are alike."""


def ladder_of(model: str, session: Loaded, settings: Settings) -> Ladder:
    """Return that of `model` in the lanes of `settings`; one of fixed rows runs no others anyway."""
    if session.on_cpu or session.signature.most_rows is not None:
        return EXACT
    lanes = [lane for lane in settings.lanes.values() if model in lane.models]
    return Ladder.to(max(batch_rows(lane, session.signature) for lane in lanes))


def batch_rows(lane: Lane, signature: Signature) -> int:
    """Return the most rows of a batch, as far as that can be told from the size of a row."""
    most_rows = min(lane.max_rows, signature.most_rows or lane.max_rows)
    sizes_bytes = [spec.row_bytes for spec in signature.inputs]
    row_bytes = sum(size_bytes or 0 for size_bytes in sizes_bytes)
    if None in sizes_bytes or not row_bytes:
        return most_rows
    return max(min(most_rows, lane.max_bytes // row_bytes), 1)
