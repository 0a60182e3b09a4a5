"""Which runs the loop makes itself."""

import pytest

from daemon.inference.short_runs import SHORT_S, ShortRuns

LONG_S = 10 * SHORT_S


class Model:
    pass


MODEL = Model()


@pytest.fixture
def runs():
    return ShortRuns()


def learn(runs, model, rows=8, *, cpu_s=SHORT_S / 2, wall_s=SHORT_S, times=1):
    for _ in range(times):
        runs.ran_in_thread(model, rows, cpu_s=cpu_s, wall_s=wall_s)


def test_a_model_that_was_never_seen_has_no_short_runs(runs):
    assert not runs.expects(MODEL, 1)


def test_a_run_as_large_as_a_short_one_is_short(runs):
    learn(runs, MODEL, rows=8)
    assert runs.expects(MODEL, 8)
    assert runs.expects(MODEL, 1)


def test_a_larger_run_than_any_short_one_is_not_known_to_be_short(runs):
    learn(runs, MODEL, rows=8)
    learn(runs, MODEL, rows=9, cpu_s=LONG_S)
    assert not runs.expects(MODEL, 9)


def test_the_wait_for_the_interpreter_lock_does_not_make_a_run_long(runs):
    learn(runs, MODEL, wall_s=0.01)
    assert runs.expects(MODEL, 8)


def test_a_run_that_others_take_long_for_is_not_short(runs):
    learn(runs, MODEL, wall_s=0.5)
    assert not runs.expects(MODEL, 8)


def test_models_are_told_apart(runs):
    learn(runs, MODEL)
    assert not runs.expects(Model(), 1)


def test_one_run_that_holds_the_loop_up_for_long_is_the_last_there(runs):
    learn(runs, MODEL)
    runs.ran_on_loop(MODEL, 0.06)
    assert not runs.expects(MODEL, 1)


def test_runs_that_are_always_a_little_long_return_to_the_thread(runs):
    learn(runs, MODEL)
    made = 0
    while runs.expects(MODEL, 8):
        runs.ran_on_loop(MODEL, LONG_S)
        made += 1
        assert made < 100
    assert made > 10


def test_a_long_run_now_and_then_is_set_off_by_short_ones(runs):
    learn(runs, MODEL)
    for _ in range(100):
        runs.ran_on_loop(MODEL, 0.02)
        for _ in range(200):
            runs.ran_on_loop(MODEL, SHORT_S / 2)
    assert runs.expects(MODEL, 8)


def test_short_runs_are_no_credit_for_a_long_one(runs):
    learn(runs, MODEL)
    for _ in range(10_000):
        runs.ran_on_loop(MODEL, 0.0)
    runs.ran_on_loop(MODEL, 0.06)
    assert not runs.expects(MODEL, 8)


def test_a_model_that_returned_to_the_thread_stays_there_for_long(runs):
    learn(runs, MODEL)
    runs.ran_on_loop(MODEL, 0.06)
    learn(runs, MODEL, times=10_000)
    assert not runs.expects(MODEL, 8)
    learn(runs, MODEL)
    assert runs.expects(MODEL, 8)
