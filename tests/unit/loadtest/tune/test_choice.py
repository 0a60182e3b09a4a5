"""Which settings are best, and which are worth a run."""

import math
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.scenario.arrival_processes import poisson
from loadtest.tune.choice import MARGIN, around, cheapest_first, propose, rounded
from loadtest.tune.fit import BatchRun, fit
from loadtest.tune.model import Bound, Load
from loadtest.tune.service import Setting


class Made(NamedTuple):
    setting: Setting
    busy: float
    latency_s: float


def _line(base_s, per_row_s):
    return fit(
        [BatchRun(rows, base_s + per_row_s * rows) for rows in (1, 1024) for _ in range(3)], least=1
    )


def _load(per_s, count=1000):
    return Load(poisson(per_s, count, 1), per_s)


def _made(rows, busy, latency_s):
    return Made(Setting(rows, 1.0), busy, latency_s)


def test_the_least_busy_comes_first():
    found = cheapest_first([_made(1, 0.5, 0.1), _made(2, 0.2, 0.9), _made(3, 0.3, 0.5)])
    assert [each.setting.max_rows for each in found] == [2, 3, 1]


def test_of_those_that_cost_the_same_the_quickest_comes_first():
    found = cheapest_first([_made(1, 0.500, 0.9), _made(2, 0.505, 0.1)])
    assert found[0].setting.max_rows == 2


def test_settings_whose_cost_is_unknown_come_last():
    found = cheapest_first([_made(1, math.nan, 0.1), _made(2, 0.9, 0.9)])
    assert [each.setting.max_rows for each in found] == [2, 1]


@given(st.lists(st.builds(_made, st.integers(1, 9), st.floats(0, 1), st.floats(0, 9)), max_size=9))
def test_none_is_lost(candidates):
    assert sorted(cheapest_first(candidates)) == sorted(candidates)


@settings(max_examples=8)
@given(
    base_s=st.floats(1e-4, 0.05),
    per_row_s=st.floats(1e-6, 0.002),
    per_s=st.floats(5, 300),
    bound_s=st.floats(0.1, 10),
)
def test_what_is_proposed_is_the_cheapest_that_meets_the_bound(base_s, per_row_s, per_s, bound_s):
    proposed, looked = propose(
        _line(base_s, per_row_s),
        _load(per_s),
        [Bound(99.0, bound_s)],
        overhead_s=0.01,
        most_rows=64,
    )
    meeting = [each for each in looked if each.margin >= MARGIN and each.busy < 1]
    if meeting:
        assert proposed in meeting
        assert proposed.busy <= min(each.busy for each in meeting) * 1.03 + 0.002
    else:
        assert proposed.margin == max(each.margin for each in looked)


def test_a_longer_bound_allows_for_larger_batches():
    line, load = _line(0.02, 0.0001), _load(100.0)
    batches = [
        propose(line, load, [Bound(99.0, bound_s)], overhead_s=0.0, most_rows=256)[0].batch_rows
        for bound_s in (0.1, 0.5, 2.0)
    ]
    assert batches == sorted(batches)
    assert batches[0] < batches[2]


def test_the_sweep_surrounds_what_is_proposed():
    runs, skipped = around(Setting(32, 0.5), _line(0.001, 1e-5), _load(10.0, 10), 256)
    assert {each.max_rows for each in runs} == {16, 32, 64}
    assert {each.linger_s for each in runs} == {0.35, 0.5, 0.65}
    assert not skipped


def test_settings_that_cannot_carry_the_rate_are_not_run():
    runs, skipped = around(Setting(32, 0.5), _line(0.1, 1e-5), _load(200.0, 10), 256)
    assert {each.max_rows for each in skipped} == {16}
    assert {each.max_rows for each in runs} == {32, 64}


def test_something_is_run_even_when_nothing_can_carry_the_rate():
    runs, _ = around(Setting(32, 0.5), _line(1.0, 0.1), _load(200.0, 10), 256)
    assert runs == [Setting(32, 0.5)]


def test_lingers_are_rounded_as_people_write_them():
    assert rounded(0.123456) == 0.12
    assert rounded(1.3 * 2.0) == 2.6
    assert rounded(0.0) == 1e-6
