"""How a batch is cut, so that other lanes need not wait for all of it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.batching.ladder import Ladder
from daemon.batching.run_times import RunCost, RunTimes
from daemon.batching.slices import Slices, slice_rows
from daemon.values.lane import LanePolicy
from daemon.values.messages import Bucket
from tests.requests import make_request, make_requests
from tests.unit.batching import slicing

STANDARD = Bucket("standard", "filetype")
URGENT = Bucket("urgent", "filetype")

ROWS_ALONE = RunCost(start_s=0.0, row_s=0.012)
"""A model that gains nothing from batches."""
MOSTLY_START = RunCost(start_s=0.0073, row_s=0.00031)
"""One for which a batch of 64 takes hardly longer than one of 8."""


@given(slicing.batches)
def test_slices_keep_to_patience_and_loss(batch):
    slicing.check(slice_rows, batch)


@given(slicing.batches, st.integers(0, 5_000))
def test_slices_of_runs_that_are_filled_up_are_rungs(batch, missing):
    slicing.check_on_rungs(slice_rows, batch, Ladder.to(batch.rows + missing))


@pytest.mark.parametrize(
    ("most_s", "rows"), [(0.02, 8), (0.1, 8), (0.8, 64)], ids=["least", "rung below", "whole"]
)
def test_a_batch_is_cut_at_a_rung(most_s, rows):
    assert slice_rows(64, ROWS_ALONE._replace(ladder=Ladder.to(64)), most_s) == rows


def test_a_batch_that_a_lower_rung_would_cut_too_finely_is_cut_at_the_next():
    cost = RunCost(start_s=0.003, row_s=0.0005, ladder=Ladder.to(1_024))

    assert slice_rows(512, cost, 0.02) == 128


@pytest.mark.parametrize(("most_s", "rows"), [(0.025, 2), (0.05, 4), (0.1, 8), (0.8, 64)])
def test_a_batch_that_gains_nothing_is_cut_as_finely_as_patience_asks(most_s, rows):
    assert slice_rows(64, ROWS_ALONE, most_s) == rows


def test_a_row_is_the_least_that_runs():
    assert slice_rows(64, ROWS_ALONE, 0.01) == 1


def test_slices_are_of_nearly_one_size():
    assert slice_rows(9, ROWS_ALONE, 0.1) == 5


def test_a_batch_that_gains_is_not_cut():
    assert slice_rows(256, MOSTLY_START, 0.02) == 256


def test_a_batch_that_gains_a_little_is_cut_as_far_as_it_may_cost():
    cost = RunCost(start_s=0.003, row_s=0.0005)

    assert slice_rows(256, cost, 0.02) == 128


@pytest.mark.parametrize("start_s", [0.0, 0.5])
def test_rows_that_cost_next_to_nothing_are_no_trouble(start_s):
    assert slice_rows(5_000, RunCost(start_s, row_s=5e-324), 0.01) == 5_000


def test_rows_that_cost_nothing_are_not_cut():
    assert slice_rows(64, RunCost(start_s=0.5, row_s=0.0), 0.02) == 64


def make_slices(*seen, urgent_patience_s=0.02):
    """Slices of two lanes whose model took `seen`, seconds by rows."""
    run_times = RunTimes()
    for rows, seconds in seen:
        run_times.observe("filetype", rows, seconds)
    lanes = {
        "standard": LanePolicy("standard", 64, 30.0, 1 << 20, patience_s=30.0),
        "urgent": LanePolicy("urgent", 8, 0.02, 1 << 20, patience_s=urgent_patience_s),
    }
    return Slices(lanes, run_times)


def a_row_each(row_s):
    return [(rows, rows * row_s) for rows in [1, 2, 4, 8, 16, 32, 64] * 4]


def sizes(slices):
    return [[request.rows for request in each] for each in slices]


def test_a_lane_is_cut_by_the_patience_of_others_and_not_by_its_own():
    slices = make_slices(*a_row_each(0.008))

    assert len(slices.cut(STANDARD, make_requests(64))) == 32
    assert len(slices.cut(URGENT, make_requests(8))) == 1


def test_nothing_is_cut_beside_no_other_lane():
    run_times = RunTimes()
    for rows, seconds in a_row_each(0.008):
        run_times.observe("filetype", rows, seconds)
    lone = LanePolicy("standard", 64, 30.0, 1 << 20, patience_s=0.01)

    assert len(Slices({"standard": lone}, run_times).cut(STANDARD, make_requests(64))) == 1


@pytest.mark.parametrize("seen", [[], [(64, 0.8)] * 9], ids=["no run", "runs of one size"])
def test_nothing_is_cut_while_it_is_not_known_what_a_row_takes(seen):
    assert len(make_slices(*seen).cut(STANDARD, make_requests(64))) == 1


def test_a_model_of_fixed_rows_is_not_cut():
    padded = [(rows, 0.5) for rows in [1, 2, 4, 8, 16, 32, 64] * 4]

    assert len(make_slices(*padded).cut(STANDARD, make_requests(64))) == 1


def test_a_request_of_many_rows_runs_in_parts_as_its_batch_would():
    slices = make_slices(*a_row_each(0.008))

    assert slices.rows_at_once(STANDARD, 500) == 2
    assert slices.rows_at_once(STANDARD, 1) == 1
    assert make_slices().rows_at_once(STANDARD, 500) == 500


def test_requests_are_never_cut():
    slices = make_slices(*a_row_each(0.001))
    requests = [make_request(rows=rows) for rows in [30, 1, 9, 9, 9]]

    assert sizes(slices.cut(STANDARD, requests)) == [[30], [1, 9], [9], [9]]


def test_requests_that_fit_badly_cost_no_more_than_may_be_lost():
    start_and_rows = [(rows, 0.002 + 0.003 * rows) for rows in [1, 2, 4, 8, 16, 32, 64] * 40]
    slices = make_slices(*start_and_rows, urgent_patience_s=0.04)
    thirds = [make_request(rows=rows) for rows in [10, 10, 10, 6]]  # no two of 10 fit into half

    assert sizes(slices.cut(STANDARD, make_requests(36))) == [[1] * 18, [1] * 18]
    assert sizes(slices.cut(STANDARD, thirds)) == [[10, 10, 10, 6]]


def test_who_expires_first_is_in_the_first_slice():
    slices = make_slices(*a_row_each(0.008))
    patient = make_requests(4, expires_s=math.inf)
    pressed = make_request(expires_s=5.0)

    first, *_ = slices.cut(STANDARD, [*patient, pressed])

    assert first[0] is pressed


def test_a_deadline_leaves_time_for_every_slice():
    slices = make_slices(*a_row_each(0.008))

    assert slices.allowance_s(STANDARD, 64) >= 64 * 0.008
