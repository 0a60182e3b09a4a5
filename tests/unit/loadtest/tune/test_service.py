"""The lane and executor that the model serves by."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.scenario.arrival_processes import poisson
from loadtest.tune.fit import BatchRun, fit
from loadtest.tune.model import Bound, Load, batch_that_forms, busy_share, can_carry, predict
from loadtest.tune.service import Setting, serve

LINE = fit([BatchRun(rows, 0.01 + 0.001 * rows) for rows in (1, 64) for _ in range(3)], least=1)


def _serve(times_s, max_rows, linger_s, run_s=lambda _rows: 0.1, request_rows=1):
    return serve(np.array(times_s), Setting(max_rows, linger_s), run_s, request_rows=request_rows)


def test_a_full_batch_of_large_requests_has_whole_ones():
    load, setting = Load(np.arange(0.0, 9.0, 0.001), 1000.0, 3), Setting(64, 1.0)
    assert batch_that_forms(LINE, setting, load) == 63
    fitting = fit(
        [BatchRun(rows, 0.01 + 0.001 * rows) for rows in (3, 63) for _ in range(3)], least=3
    )
    assert predict(fitting, setting, load, [Bound(99.0, 1.0)], 0.0).busy > 1


def test_a_batch_closes_when_it_is_full():
    served = _serve([0.0, 0.01, 0.02, 0.03], 2, 9.0)
    assert served.batches.tolist() == [2, 2]
    assert served.latency_s == pytest.approx([0.11, 0.10, 0.19, 0.18])


def test_a_batch_closes_after_its_linger():
    served = _serve([0.0, 0.5, 2.0], 8, 1.0)
    assert served.batches.tolist() == [2, 1]
    assert served.latency_s == pytest.approx([1.1, 0.6, 1.1])


def test_rows_of_a_request_fill_a_batch():
    assert _serve([0.0, 0.0, 0.0, 0.0], 8, 1.0, request_rows=4).batches.tolist() == [8, 8]


def test_a_third_batch_grows_while_two_are_in_flight():
    times_s = [0.0, 0.01, 0.02, 0.03, 0.04]
    served = _serve(times_s, 8, 0.0, run_s=lambda _rows: 1.0)
    assert served.batches.tolist() == [1, 1, 3]


@given(
    gaps_s=st.lists(st.floats(0, 0.2), min_size=1, max_size=60),
    max_rows=st.integers(1, 20),
    linger_s=st.floats(0, 1),
)
def test_every_request_is_served_and_no_batch_is_too_large(gaps_s, max_rows, linger_s):
    served = _serve(np.cumsum(gaps_s), max_rows, linger_s, LINE.run_s)
    assert served.batches.sum() == len(gaps_s)
    assert served.batches.max() <= max_rows
    assert (served.latency_s >= LINE.run_s(1) - 1e-9).all()
    assert 0 < served.busy <= 1 + 1e-9


@pytest.mark.parametrize(
    ("max_rows", "linger_s", "per_s"),
    [(64, 0.2, 100.0), (16, 1.0, 100.0), (64, 0.0, 200.0), (8, 0.05, 20.0)],
)
def test_the_busy_share_is_that_of_the_formula(max_rows, linger_s, per_s):
    setting, load = Setting(max_rows, linger_s), _load(per_s)
    served = serve(load.times_s, setting, LINE.run_s)
    # Without linger batches of one and two rows run by turns, which the formula does not see.
    assert served.busy == pytest.approx(busy_share(LINE, setting, load), rel=0.2)
    assert served.batches.mean() == pytest.approx(batch_that_forms(LINE, setting, load), rel=0.25)


@given(max_rows=st.integers(1, 64), linger_s=st.floats(0.0, 2.0), per_s=st.floats(1.0, 500.0))
def test_the_batch_that_forms_is_between_one_and_n(max_rows, linger_s, per_s):
    setting = Setting(max_rows, linger_s)
    assert 1 <= batch_that_forms(LINE, setting, _load(per_s, 10)) <= max_rows


def test_full_batches_that_are_too_small_cannot_carry_the_rate():
    load = _load(400.0, 10)
    assert not can_carry(LINE, Setting(4, 1.0), load)
    assert can_carry(LINE, Setting(64, 1.0), load)


def test_a_prediction_is_of_the_bound_that_is_nearest():
    bounds = [Bound(50.0, 10.0), Bound(99.0, 0.5)]
    predicted = predict(LINE, Setting(64, 0.2), _load(100.0), bounds, 0.02)
    assert 0.2 < predicted.latency_s < 0.5
    assert predicted.margin == pytest.approx(1 - predicted.latency_s / 0.5)


def _load(per_s, count=4000):
    return Load(poisson(per_s, count, 1), per_s)
