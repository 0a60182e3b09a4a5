"""How batches shrink and grow again where memory is short."""

from math import inf, log2

from hypothesis import given
from hypothesis import strategies as st

from daemon.batching.fitting_rows import MOST_PATIENCE_S, PATIENCE_S, FittingRows
from tests.requests import BUCKET

N = 64


def runs(rows, capacities, *, every_s, now=0.0):
    """Run a full batch every `every_s` with so many rows of memory; return rows, time, how it went."""
    done = []
    for capacity in capacities:
        size = int(min(N, rows.most(BUCKET, now)))
        fits = size <= capacity
        (rows.succeeded if fits else rows.failed)(BUCKET, size, now)
        done.append((size, now, fits))
        now += every_s
    return done


def test_nothing_is_limited_before_a_run_failed():
    assert FittingRows().most(BUCKET, 0.0) == inf


@given(st.integers(1, N), st.floats(0.0, PATIENCE_S / 25))
def test_after_as_many_failures_as_halvings_a_batch_fits(capacity, every_s):
    done = runs(FittingRows(), [capacity] * 20, every_s=every_s)

    assert [fits for _, _, fits in done].count(False) <= max(log2(N / capacity) + 2, 0)
    assert done[-1][0] <= capacity


@given(st.integers(1, N - 1), st.floats(30.0, 600.0))
def test_what_does_not_fit_for_good_fails_ever_more_seldom(capacity, every_s):
    day = int(86_400 / every_s) + 1

    done = runs(FittingRows(), [capacity] * day, every_s=every_s)

    failed = [now for _, now, fits in done if not fits]
    assert len(failed) <= 2 * log2(N) + log2(MOST_PATIENCE_S / PATIENCE_S) + 25


@given(st.lists(st.integers(1, N), max_size=50), st.floats(1.0, 10.0))
def test_full_batches_are_back_soon_after_memory_is(capacities, every_s):
    rows = FittingRows()
    until_s = len(capacities) * every_s
    runs(rows, capacities, every_s=every_s)

    wait_s = 8 * PATIENCE_S  # doubled by what was tried again within these times
    later = int(log2(N) + 2) * wait_s
    done = runs(rows, [N] * (int(later / every_s) + 1), every_s=every_s, now=until_s)

    assert done[-1][0] == N
    assert rows.most(BUCKET, until_s) == inf


@given(st.lists(st.booleans(), min_size=6, max_size=6))
def test_one_request_that_wants_all_memory_makes_no_batch_smaller_for_long(first_halves):
    rows = FittingRows()
    size = N
    rows.failed(BUCKET, size, 0.0)
    for in_first_half in first_halves:  # the search for it: one half of what failed fails again
        size //= 2
        halves = [rows.failed, rows.succeeded]
        for half in halves if in_first_half else reversed(halves):
            half(BUCKET, size, 0.0)

    done = runs(rows, [N] * 8, every_s=0.01)
    assert done[-1][0] == N


def test_what_was_bound_before_a_smaller_size_failed_raises_no_limit():
    rows = FittingRows()
    for size in (64, 32, 64):
        rows.failed(BUCKET, size, 0.0)

    assert rows.most(BUCKET, 0.0) == 16


def test_lanes_of_a_model_share_what_is_known_and_shapes_do_not():
    rows = FittingRows()
    rows.failed(BUCKET, 64, 0.0)

    assert rows.most(BUCKET._replace(lane="urgent"), 0.0) == 32
    assert rows.most(BUCKET._replace(shape=((3,),)), 0.0) == inf


def test_shapes_without_number_are_not_all_remembered():
    rows = FittingRows()
    for length in range(3_000):
        rows.failed(BUCKET._replace(shape=((length,),)), 64, 0.0)

    known = [rows.most(BUCKET._replace(shape=((each,),)), 0.0) for each in range(3_000)]
    assert known.count(32) == 1_024
    assert known[-1] == 32
