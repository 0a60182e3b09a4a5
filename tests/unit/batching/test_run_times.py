"""How long a run is expected to take."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daemon.batching.ladder import Ladder
from daemon.batching.run_times import RunTimes


def learned(*runs):
    run_times = RunTimes()
    for run in runs:
        run_times.observe("filetype", *run)
    return run_times


def test_before_any_run_a_row_is_guessed_at_a_millisecond():
    assert RunTimes().expected_s("filetype", 64) == pytest.approx(0.064)
    assert RunTimes().allowance_s("filetype", 64) == pytest.approx(0.064)


def test_one_run_tells_of_others_of_its_size():
    assert learned((64, 0.2)).expected_s("filetype", 64) == pytest.approx(0.2)


def test_until_sizes_differ_a_smaller_run_is_expected_to_take_as_long():
    assert learned((64, 0.2), (64, 0.2)).expected_s("filetype", 1) == pytest.approx(0.2)


def test_until_sizes_differ_a_larger_run_is_expected_to_take_longer_in_proportion():
    assert learned((8, 0.2)).expected_s("filetype", 80) == pytest.approx(2.0)


def test_runs_of_different_sizes_show_what_a_row_costs():
    run_times = learned(*[(rows, 0.01 + 0.001 * rows) for rows in [1, 64, 16, 32] * 20])

    assert run_times.expected_s("filetype", 1) == pytest.approx(0.011)
    assert run_times.expected_s("filetype", 64) == pytest.approx(0.074)
    assert run_times.expected_s("filetype", 128) == pytest.approx(0.138)


def test_the_newest_runs_count_most():
    run_times = learned(*[(64, 1.0)] * 50, *[(64, 0.1)] * 50)

    assert run_times.expected_s("filetype", 64) == pytest.approx(0.1, rel=0.02)


def test_uneven_runs_are_allowed_more_time():
    even = learned(*[(64, 0.1)] * 40)
    uneven = learned(*[(64, 0.05), (64, 0.15)] * 20)

    assert even.allowance_s("filetype", 64) == pytest.approx(0.1)
    assert uneven.allowance_s("filetype", 64) > 0.2


def test_what_a_row_costs_is_kept_while_sizes_do_not_differ():
    run_times = learned(*[(rows, 0.01 + 0.001 * rows) for rows in [1, 64, 16, 32] * 20])

    for _ in range(200):
        run_times.observe("filetype", 64, 0.074)

    assert run_times.cost("filetype")[:2] == pytest.approx((0.01, 0.001), rel=0.02)
    assert run_times.expected_s("filetype", 1) == pytest.approx(0.011, rel=0.05)


def test_a_machine_that_becomes_slower_is_slower_at_all_of_a_run():
    run_times = learned(*[(rows, 0.012 * rows) for rows in [1, 64, 16, 32] * 20])

    for seconds in [0.024] * 100 + [0.048] * 100:
        run_times.observe("filetype", 2, seconds)

    assert run_times.cost("filetype")[:2] == pytest.approx((0.0, 0.024), abs=0.001)


def test_what_a_row_costs_is_not_known_before_sizes_have_differed():
    assert RunTimes().cost("filetype") is None
    assert learned(*[(64, 0.2)] * 9).cost("filetype") is None


def on_a_gpu(*runs):
    run_times = RunTimes()
    run_times.ladders["filetype"] = Ladder.to(64)
    for rows, seconds in runs:
        run_times.observe("filetype", rows, seconds)
    return run_times


def test_a_run_that_is_filled_up_takes_what_its_rung_takes():
    run_times = on_a_gpu(*[(8, 0.018), (64, 0.074)] * 20)

    for rows, seconds in [(1, 0.018), (8, 0.018), (9, 0.074), (64, 0.074)]:
        assert run_times.expected_s("filetype", rows) == pytest.approx(seconds)
        assert run_times.allowance_s("filetype", rows) >= seconds - 1e-9
        assert run_times.cost("filetype").at(rows) == pytest.approx(seconds)


def test_steps_are_not_taken_for_noise():
    """As runs come that are asked for any number of rows."""
    sizes = [1, 40, 3, 64, 9, 17, 8, 2] * 20

    run_times = on_a_gpu(*[(rows, 0.018 if rows <= 8 else 0.074) for rows in sizes])

    for rows in sizes:
        assert run_times.allowance_s("filetype", rows) == pytest.approx(
            0.018 if rows <= 8 else 0.074, rel=0.01
        )


def test_rows_of_which_there_are_few_are_told_from_a_start_too():
    run_times = learned(*[(rows, 0.03 * rows) for rows in [1, 2] * 3])

    assert run_times.cost("filetype")[:2] == pytest.approx((0.0, 0.03), abs=1e-6)


@pytest.mark.parametrize(("start_s", "row_s"), [(0.0, 0.012), (0.0073, 0.00031)])
def test_short_runs_that_now_and_then_take_long_do_not_look_like_a_cost_of_starting(start_s, row_s):
    """As beside other work: all of a long run takes three times as long, of short ones a few do by far."""
    run_times = learned(*[(rows, start_s + row_s * rows) for rows in [1, 2, 4, 8, 16, 32, 64]])
    delays = [1] * 24 + [9] * 8
    shares = []
    for each in range(1_024):
        run_times.observe("filetype", 1, delays[each % 32] * (start_s + row_s))
        if each % 8 == 0:
            run_times.observe("filetype", 64, 3 * (start_s + row_s * 64))
        cost = run_times.cost("filetype")
        shares.append(cost.start_s / cost.at(64))

    assert max(shares[512:]) - start_s / (start_s + row_s * 64) < 0.005


def test_what_delays_runs_is_not_taken_for_what_a_start_costs():
    run_times = learned(*[(rows, 0.012 * rows + 0.025, 0.012 * rows) for rows in [1, 2, 4, 8]])

    start_s, row_s, _ = run_times.cost("filetype")

    assert start_s == pytest.approx(0.0, abs=1e-9)
    assert row_s > 0.012


def test_what_a_start_costs_is_as_much_longer_as_runs_are():
    run_times = learned(*[(rows, 0.01 + 0.001 * rows, 0.01 + 0.001 * rows) for rows in [1, 64] * 9])

    for _ in range(100):
        run_times.observe("filetype", 8, 0.036, 0.018)

    assert run_times.cost("filetype")[:2] == pytest.approx((0.02, 0.002), rel=0.01)


def test_a_model_that_is_replaced_is_another_one():
    run_times = learned(*[(rows, 0.012 * rows) for rows in [1, 64, 16, 32] * 20])

    run_times.forget("filetype")

    assert run_times.cost("filetype") is None


def test_models_are_told_apart():
    run_times = learned((64, 5.0))

    assert run_times.expected_s("other", 1) == pytest.approx(0.001)


runs = st.lists(
    st.tuples(st.integers(1, 1000), st.floats(0.0, 60.0, allow_nan=False)), min_size=1, max_size=30
)


@given(runs, st.integers(1, 5000))
@example([(2, 5e-324), (1, 1.0), (1, 5e-324)], 1)
def test_no_run_is_free_and_more_rows_never_take_less(runs, rows):
    run_times = learned(*runs)

    expected_s = run_times.expected_s("filetype", rows)

    assert expected_s > 0
    assert run_times.expected_s("filetype", rows + 1) >= expected_s
    assert run_times.allowance_s("filetype", rows) >= expected_s
