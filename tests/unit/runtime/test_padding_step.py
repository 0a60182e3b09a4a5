import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.padding_step import LEAST_STEP, MOST_STEP, LengthRun, best_step

SIZES = [(rows, length) for rows in (1, 8) for length in (16, 64, 128)]


def runs(start_s, element_s):
    return [LengthRun(rows, length, start_s + element_s * rows * length) for rows, length in SIZES]


@pytest.mark.parametrize(
    ("start_s", "element_s", "step"),
    [
        (0.0, 0.001, LEAST_STEP),  # an encoder on one thread: each word costs as much as a batch
        (0.000, 0.00005, 16),
        (0.003, 0.0001, 32),
        (0.0, 1e-8, MOST_STEP),  # a table of words: nothing but batches costs
        (0.01, 0.0, MOST_STEP),
    ],
)
def test_the_step_is_the_largest_that_two_in_a_batch_pay_for(start_s, element_s, step):
    assert best_step(runs(start_s, element_s)) == step


def test_runs_that_were_late_by_chance_give_no_step_out_of_bounds():
    """A shorter run that took longer, as beside other work."""
    assert best_step([LengthRun(1, 16, 0.02), LengthRun(8, 128, 0.01)]) == MOST_STEP


def test_without_runs_there_is_one_too():
    assert best_step([]) == LEAST_STEP


@given(st.lists(st.floats(1e-6, 10.0), min_size=6, max_size=6))
def test_the_same_times_give_the_same_step_which_is_a_power_of_two(seconds):
    made = [LengthRun(*size, each) for size, each in zip(SIZES, seconds, strict=True)]

    step = best_step(made)

    assert LEAST_STEP <= step <= MOST_STEP
    assert step & (step - 1) == 0
    assert best_step(made) == step
