"""What became of a run's requests, and percentiles at their edges."""

import numpy as np
import pytest

from loadtest.traffic.records import Account, nearest_rank
from tests.unit.loadtest.runs import answer, made_plan, recorded, reply, seen


@pytest.mark.parametrize(
    ("percent", "expected"), [(0.1, 15), (20, 15), (30, 20), (40, 20), (50, 35), (100, 50)]
)
def test_nearest_rank_is_a_measured_value(percent, expected):
    assert nearest_rank(np.array([15, 50, 20, 40, 35]), percent) == expected


def test_one_value_is_every_percentile():
    assert {nearest_rank(np.array([2.0]), percent) for percent in (0.1, 50, 99, 100)} == {2.0}


def test_percentiles_of_whole_ranks_are_those_ranks():
    hundred = np.arange(100, 0, -1) / 100
    assert [nearest_rank(hundred, percent) for percent in range(1, 101)] == [
        number / 100 for number in range(1, 101)
    ]


@pytest.mark.parametrize("percent", [0, -1, 100.1])
def test_percentages_outside_are_refused(percent):
    with pytest.raises(ValueError, match="percentage"):
        nearest_rank(np.array([1.0]), percent)


def test_no_values_have_no_percentile():
    with pytest.raises(ValueError, match="no values"):
        nearest_rank(np.zeros(0), 50)


def test_all_answered_once_is_exactly_once():
    recorder = recorded(made_plan(10))
    answer(recorder, np.full(10, 0.1))
    account = seen(recorder).account()
    assert account == Account(sent=10, lost=0, repeated=0, wrong=0, unknown=0)
    assert account.exactly_once
    assert str(account) == "10 answered once, rightly"


def test_what_is_lost_repeated_unknown_or_an_error_is_counted():
    recorder = recorded(made_plan(10))
    answer(recorder, np.array([0.1] * 7 + [np.nan] * 3))
    recorder.receive([reply(recorder.correlation(0)), reply(b"another-0")], 1.0)
    recorder.receive([reply(recorder.correlation(7), "error", error_code="too_large")], 1.0)
    account = seen(recorder).account()
    assert account == Account(10, 2, 1, 0, 1, {"too_large": 1})
    assert not account.exactly_once
    assert str(account) == "of 10: 2 lost, 1 repeated, 0 wrong, 1 unknown, too_large 1"


def test_wrong_results_are_counted():
    recorder = recorded(made_plan(3))
    answer(recorder, np.full(3, 0.1))
    recorder.records().wrong[1] = True
    account = seen(recorder).account()
    assert (account.wrong, account.exactly_once) == (1, False)


def test_some_requests_have_an_account_of_their_own():
    recorder = recorded(made_plan(10))
    answer(recorder, np.array([np.nan] * 4 + [0.1] * 6))
    assert seen(recorder).account(slice(4, None)).exactly_once
    assert seen(recorder).account(slice(0, 4)).lost == 4
