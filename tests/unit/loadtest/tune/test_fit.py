"""BatchRun time against rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.tune.fit import WORST_RESIDUAL, BatchRun, SizesMissing, fit

SIZES = (1, 2, 4, 8, 16, 32, 64)


def _runs(run_s, sizes=SIZES, times=5):
    return [BatchRun(rows, run_s(rows)) for rows in sizes for _ in range(times)]


@given(base_s=st.floats(1e-4, 1.0), per_row_s=st.floats(1e-6, 0.1))
def test_a_line_is_found_as_it_is(base_s, per_row_s):
    found = fit(_runs(lambda rows: base_s + per_row_s * rows), least=1)
    assert found.base_s == pytest.approx(base_s, rel=1e-6, abs=1e-9)
    assert found.per_row_s == pytest.approx(per_row_s, rel=1e-6, abs=1e-9)
    assert found.r2 == pytest.approx(1.0, abs=1e-6)
    assert found.is_line
    assert found.run_s(50) == pytest.approx(base_s + per_row_s * 50, rel=1e-6)


def test_runs_beside_something_else_do_not_move_it():
    late = [BatchRun(rows, 5.0) for rows in SIZES for _ in range(2)]
    found = fit([*_runs(lambda rows: 0.01 + 0.001 * rows), *late], least=1)
    assert found.base_s == pytest.approx(0.01)


def test_small_batches_count_as_much_as_large_ones():
    # Plain least squares would give up 3 ms at one row for 1 ms at sixty-four.
    measured = {1: 0.001, 2: 0.002, 64: 0.070}
    found = fit(_runs(measured.get, sizes=(1, 2, 64)), least=1)
    assert abs(found.points[0].residual) < 0.1


def test_steps_are_told_and_the_medians_used_instead():
    found = fit(_runs(lambda rows: 0.01 if rows <= 16 else 0.04), least=1)
    assert not found.is_line
    assert abs(found.worst.residual) > WORST_RESIDUAL
    assert found.run_s(8) == pytest.approx(0.01)
    assert found.run_s(48) == pytest.approx(0.04)


@pytest.mark.parametrize("run_s", [lambda rows: 0.02 - 0.0001 * rows, lambda rows: 1e-3 * rows**2])
def test_no_part_of_a_run_time_is_negative(run_s):
    found = fit(_runs(run_s), least=1)
    assert found.base_s >= 0
    assert found.per_row_s >= 0


def test_sizes_that_came_by_accident_are_left_out():
    found = fit(
        [*_runs(lambda rows: 0.01 + 0.001 * rows), BatchRun(44, 3.0), BatchRun(44, 3.0)], least=1
    )
    assert 44 not in [point.rows for point in found.points]


def test_one_size_says_nothing_of_another():
    with pytest.raises(SizesMissing, match="1 size"):
        fit(_runs(lambda _rows: 0.01, sizes=(8,)), least=8)


@pytest.mark.parametrize(
    "run_s", [lambda rows: 0.01 * rows, lambda rows: 0.01 if rows < 40 else 0.5]
)
@pytest.mark.parametrize("rows", [0, 1, 32, 65, 1000])
def test_nothing_is_said_of_sizes_beyond_those_that_ran(run_s, rows):
    found = fit(_runs(run_s, sizes=range(33, 65)), least=33)
    with pytest.raises(ValueError, match="only 33 to 64 were measured"):
        found.run_s(rows)
    assert [found.run_s(each) > 0 for each in (33, 64)] == [True, True]


@pytest.mark.parametrize(
    ("least", "most", "said"), [(1, 64, "hardly any of 1,"), (33, 128, "hardly any of 128,")]
)
def test_a_fit_without_the_sizes_that_matter_is_none(least, most, said):
    # Two of one row are too few: they have no median to speak of.
    runs = [
        *_runs(lambda rows: 0.01 * rows, sizes=range(33, 65)),
        BatchRun(1, 0.01),
        BatchRun(1, 0.01),
    ]
    with pytest.raises(SizesMissing, match="batches of 33 to 64 rows ran") as error:
        fit(runs, least=least, most=most)
    assert said in str(error.value)
