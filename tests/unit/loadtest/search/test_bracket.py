"""The highest rate of services whose truth is known."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.search.bracket import (
    Edge,
    Purpose,
    RateWord,
    SearchBounds,
    SearchEnd,
    TrialResult,
    bracket,
    decide,
    steps_between,
)
from tests.unit.loadtest.search.simulated import BOUNDS, bracketed, cliff, hiccups, noisy

P, F, U, I = RateWord.PASS, RateWord.FAIL, RateWord.UNDECIDED, RateWord.INVALID  # noqa: E741 - as in the tables
limits = st.floats(1.5, 90_000)


def after(*trials, bounds=BOUNDS):
    return decide([TrialResult(*each) for each in trials], bounds)


@given(limits, st.floats(0.01, 0.5))
def test_it_finds_the_limit_within_the_precision(limit_per_s, precision):
    end, found, _ = bracketed(cliff(limit_per_s), BOUNDS._replace(precision=precision))
    assert end is SearchEnd.FOUND
    assert found.lower <= limit_per_s < found.upper
    assert found.upper <= found.lower * (1 + precision) * (1 + 1e-9)
    assert (found.edge, found.fails) == (Edge.FAILS, found.upper)


@given(limits)
def test_both_edges_were_run_twice(limit_per_s):
    _, found, trials = bracketed(cliff(limit_per_s))
    runs = Counter(trial.rate_per_s for trial in trials)
    assert runs[found.lower] == runs[found.upper] == 2


@given(limits)
def test_it_takes_as_many_steps_as_doublings_bisections_and_two_more(limit_per_s):
    _, _, trials = bracketed(cliff(limit_per_s))
    away = abs(math.log2(limit_per_s / BOUNDS.start_per_s))
    assert len(trials) <= away + 3 + steps_between(BOUNDS.precision) + 2


@given(limits, st.floats(0.02, 0.3), st.integers(0, 10_000))
def test_what_fails_now_and_then_around_the_limit_is_found_near_it(limit_per_s, width, seed):
    end, found, _ = bracketed(noisy(limit_per_s, width, seed))
    if end is SearchEnd.FOUND:
        # Five widths away a run goes wrong once in e^20.
        assert limit_per_s / (1 + width) ** 6 <= found.lower <= limit_per_s * (1 + width) ** 6
    else:
        assert end in {SearchEnd.NOTHING_PASSES, SearchEnd.NEVER_FAILS}


@given(st.floats(200, 20_000), st.integers(0, 10_000))
def test_a_machine_that_spoils_one_run_in_twenty_never_makes_it_too_high(limit_per_s, seed):
    _, found, _ = bracketed(hiccups(limit_per_s, 0.05, seed))
    assert found.lower is None or found.lower <= limit_per_s


def test_a_machine_that_spoils_one_run_in_twenty_seldom_makes_it_too_low():
    found = [bracketed(hiccups(3000, 0.05, seed))[1].lower or 0 for seed in range(200)]
    assert sum(lower >= 3000 / 1.05 for lower in found) >= 180


@given(st.lists(st.sampled_from([P, F, U, I]), min_size=60, max_size=60))
def test_it_ends_whatever_is_said(words):
    said = iter(words)
    end, found, trials = bracketed(lambda _wanted: next(said))
    assert isinstance(end, SearchEnd)
    assert len(trials) <= 60
    assert found.lower is None or found.upper is None or found.lower < found.upper


@given(st.lists(st.sampled_from([P, F, U, I]), min_size=60, max_size=60))
def test_every_rate_lies_within_the_bounds(words):
    said = iter(words)
    _, _, trials = bracketed(lambda _wanted: next(said))
    assert all(BOUNDS.least_per_s <= each.rate_per_s <= BOUNDS.most_per_s for each in trials)


def test_a_service_that_never_fails_is_tried_up_to_the_most():
    end, found, trials = bracketed(cliff(1e9))
    assert (end, found.lower, found.upper) == (SearchEnd.NEVER_FAILS, 100_000.0, None)
    assert [trial.rate_per_s for trial in trials[-2:]] == [100_000.0, 100_000.0]


def test_a_service_that_always_fails_is_tried_down_to_the_least():
    end, found, _ = bracketed(cliff(0))
    assert (end, found.lower, found.upper) == (SearchEnd.NOTHING_PASSES, None, 1.0)


def test_a_load_tester_that_is_the_limit_leaves_what_passed_below_it():
    end, found, _ = bracketed(lambda wanted: P if wanted.rate_per_s < 7000 else I)
    assert end is SearchEnd.UNPROVED
    assert found.lower < 7000 <= found.upper
    assert (found.edge, found.fails) == (Edge.INVALID, None)


def test_a_rate_that_is_too_close_to_call_is_an_edge_like_one_that_fails():
    end, found, _ = bracketed(
        lambda w: P if w.rate_per_s < 2000 else U if w.rate_per_s < 2500 else F
    )
    assert (end, found.edge) == (SearchEnd.FOUND, Edge.TOO_CLOSE)
    assert found.lower < 2000 <= found.upper < 2500 <= found.fails


def test_a_fail_below_the_load_testers_limit_is_found_all_the_same():
    words = {True: P, False: F}
    end, found, _ = bracketed(lambda w: I if w.rate_per_s > 6000 else words[w.rate_per_s < 4000])
    assert end is SearchEnd.FOUND
    assert found.lower < 4000 <= found.upper


@pytest.mark.parametrize(
    ("trials", "wanted"),
    [
        ([(50, P)], (100, Purpose.DOUBLE, 1)),
        ([(50, F)], (25, Purpose.HALVE, 1)),
        ([(100, P), (400, F)], (200, Purpose.BISECT, 1)),
        ([(50, U)], (50, Purpose.LONGER, 2)),
        ([(50, U), (50, U)], (50, Purpose.LONGER, 4)),
        ([(50, U, True)], (25, Purpose.HALVE, 1)),
        ([(50, I)], (50, Purpose.LONGER, 2)),
        ([(50, I), (50, I)], (25, Purpose.HALVE, 1)),
        ([(50, I), (50, P)], (100, Purpose.DOUBLE, 1)),
        ([(50, I), (50, F), (50, I)], (50, Purpose.LONGER, 2)),  # each proof begins anew
        ([(100, P), (104, F)], (104, Purpose.CONFIRM, 1)),
        ([(100, P), (104, F), (104, F)], (100, Purpose.CONFIRM, 2)),
        ([(100, P), (104, F), (104, P)], (104, Purpose.DECIDE, 2)),
        ([(100, P), (104, F), (104, P), (104, P)], (208, Purpose.DOUBLE, 1)),
        ([(100, P), (104, F), (104, P), (104, F)], (100, Purpose.CONFIRM, 2)),
    ],
)  # fmt: skip
def test_what_comes_next(trials, wanted):
    assert after(*trials) == wanted


def test_a_pass_that_is_not_confirmed_moves_the_bracket_down():
    trials = [(50, P), (100, P), (104, F), (104, F), (100, F)]
    assert bracket([TrialResult(*each) for each in trials]) == (50, 100, Edge.FAILS, 100)
    assert after(*trials).rate_per_s == pytest.approx((50 * 100) ** 0.5)


def test_halving_ends_at_the_least_rate_itself():
    bounds = SearchBounds(50.0, 0.05, 20.0, 1e5)
    assert after((50, F), (25, F), bounds=bounds).rate_per_s == 20.0


def test_a_doubling_to_five_per_cent_takes_four_bisections():
    assert steps_between(0.05) == 4
