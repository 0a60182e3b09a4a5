"""What the rule of slices promises, checked over random batches."""

import math
from typing import NamedTuple

from hypothesis import strategies as st

from daemon.batching.run_times import RunCost

LOSS = 0.03
EPSILON = 1e-9


class Gathered(NamedTuple):
    """A batch, what runs of its model take, and how long other lanes would wait."""

    rows: int
    start_s: float
    row_s: float
    most_s: float


batches = st.builds(
    Gathered,
    rows=st.one_of(st.integers(1, 70), st.integers(1, 5_000)),
    start_s=st.one_of(st.just(0.0), st.floats(0.0, 0.002), st.floats(0.0, 1.0)),
    row_s=st.one_of(st.just(0.0), st.floats(0.0, 0.02)),
    most_s=st.one_of(st.just(0.01), st.floats(0.01, 1.0)),
)


def check(slice_rows, batch):
    """The patience holds wherever it is to be had for LOSS; nothing is cut more finely than that."""
    cost = RunCost(batch.start_s, batch.row_s)
    rows, most_s = batch.rows, batch.most_s

    at_once = slice_rows(rows, cost, most_s)

    assert 1 <= at_once <= rows
    slices = math.ceil(rows / at_once)
    assert _lost_s(slices, cost) <= LOSS * cost.at(rows) + EPSILON
    if cost.at(rows) <= most_s:
        assert at_once == rows
    if cost.at(at_once) > most_s + EPSILON and at_once > 1:
        # One slice more would cost too much, or not make them shorter.
        fewer = math.ceil(rows / (slices + 1))
        assert _lost_s(slices + 1, cost) > LOSS * cost.at(rows) - EPSILON or fewer == at_once
    if slices > 1:
        assert cost.at(math.ceil(rows / (slices - 1))) > most_s - EPSILON, "fewer would do"


def check_on_rungs(slice_rows, batch, ladder):
    """Slices that are filled up are no longer than a rung makes them, and cost no more than LOSS."""
    cost = RunCost(batch.start_s, batch.row_s, ladder)
    rows, most_s = batch.rows, batch.most_s

    at_once = slice_rows(rows, cost, most_s)

    assert at_once == rows or at_once in ladder.rungs
    assert _lost_s(math.ceil(rows / at_once), cost) <= LOSS * cost.at(rows) + EPSILON
    if cost.at(rows) <= most_s:
        assert at_once == rows


def _lost_s(slices, cost):
    return (slices - 1) * cost.start_s
