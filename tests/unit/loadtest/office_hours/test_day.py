"""A day, one by one, by the clock and by load: what holds whatever comes."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from loadtest.office_hours.computed.by_clock import batches, one_by_one, ticks_s
from loadtest.office_hours.computed.by_load import Rules, follow
from loadtest.office_hours.computed.day import BY_MINUTE, BY_SECOND, Billing, Cost, Day, Up
from loadtest.office_hours.computed.hours import DAY_S, HOUR_S, times_s

COSTS = st.builds(
    lambda base_s, row_s, max_rows, boot_s, start_s, end_s: Cost(
        lambda rows: base_s + row_s * rows, max_rows, boot_s, start_s, end_s
    ),
    st.floats(0, 2),
    st.floats(0, 5),
    st.integers(1, 64),
    st.floats(0, 90),
    st.floats(0, 20),
    st.floats(0, 5),
)
DAYS = st.tuples(*[st.integers(0, 40)] * 24).filter(any).map(lambda day: times_s(day, 1))
QUARTERS = ticks_s(900.0, HOUR_S)
RULES = Rules([20.0, 300.0], look_s=0.5, commit_s=0.25, idle_s=60.0)


few = settings(max_examples=40)  # a day is long


def cost(run_s=0.0, *, row_s=0.0, max_rows=64, boot_s=0.0, start_s=0.0, end_s=0.0):
    return Cost(lambda rows: run_s + row_s * rows, max_rows, boot_s, start_s, end_s)


def lanes(times):
    return (np.arange(len(times)) % 2).astype(np.int32)


def apart(ups):
    return all(before.to_s <= after.from_s for before, after in pairwise(ups))


# Whatever comes


@few
@given(DAYS, COSTS)
def test_always_up_is_24_hours_and_serves_all(times, spent):
    day = one_by_one(times, spent)
    assert len(day.wait_s) == len(times)
    assert np.all(day.wait_s >= spent.run_s(1) - 1e-6)
    assert day.busy_s == pytest.approx(len(times) * spent.run_s(1))
    last_s = times[-1] + day.wait_s[-1]
    assert BY_SECOND.hours(day.ups) == pytest.approx(max(DAY_S, math.ceil(last_s - 1e-6)) / HOUR_S)


@few
@given(DAYS, COSTS)
def test_the_clock_serves_all_and_nobody_before_their_time(times, spent):
    day = batches(times, QUARTERS, spent)
    ticks = np.array(QUARTERS)[np.searchsorted(QUARTERS, times)]
    assert np.all(times + day.wait_s >= ticks)
    assert apart(day.ups)
    assert 0 <= day.busy_s <= day.up_s + 1e-6


@few
@given(DAYS, COSTS)
def test_by_the_clock_nobody_waits_longer_than_linger_start_and_run(times, spent):
    day = batches(times, QUARTERS, spent)
    assume(len(day.ups) == len(QUARTERS))  # each turn was over before the next one was due
    counts = np.diff(np.searchsorted(times, [0.0, *QUARTERS], side="right"))
    longest_s = max(sum(spent.batch_s(int(count))) for count in counts)
    assert day.worst_s <= HOUR_S + spent.ready_s + longest_s + 1e-6


@few
@given(DAYS, COSTS)
def test_by_load_all_are_served_and_workers_follow_one_another(times, spent):
    day = follow(times, lanes(times), RULES, spent)
    assert not np.isnan(day.wait_s).any()
    assert np.all(day.wait_s >= 0)
    assert apart(day.ups)
    done_s = times + day.wait_s
    ends_s = np.array([up.to_s for up in day.ups])
    worker = np.searchsorted(ends_s, done_s - 1e-6)
    assert np.all(done_s >= np.array([up.from_s for up in day.ups])[worker] - 1e-6)


@few
@given(DAYS, COSTS)
def test_by_load_a_light_day_waits_for_no_more_than_look_start_linger_and_runs(times, spent):
    light = spent._replace(run_s=lambda _: 0.001, max_rows=64)
    day = follow(times, lanes(times), RULES, light)
    queue_s = 0.001 * len(times)
    end_s = RULES.look_s + light.end_s
    longest_s = end_s + RULES.look_s + light.ready_s + max(RULES.lingers_s) + queue_s
    assert day.worst_s <= longest_s + 1e-6


# By hand


def test_one_by_one_a_request_waits_for_those_before_it():
    day = one_by_one(np.array([10.0, 11.0, 100.0]), cost(5.0))
    assert day.wait_s.tolist() == [5.0, 9.0, 5.0]
    assert day.utilisation == pytest.approx(15 / DAY_S)


def test_a_batch_waits_for_its_time_the_boot_the_start_and_its_run():
    spent = cost(1.0, row_s=0.5, max_rows=2, boot_s=60.0, start_s=3.0, end_s=2.0)
    day = batches(np.array([100.0, 200.0, 300.0]), [900.0, 1800.0], spent)
    # Two rows run for 2 s, the third alone for 1.5 s.
    assert day.wait_s.tolist() == [865.0, 765.0, 666.5]
    assert day.ups == (Up(900.0, 968.5), Up(1800.0, 1865.0))


def test_a_request_at_the_very_time_of_a_batch_is_in_it():
    day = batches(np.array([900.0, 1800.0]), [900.0, 1800.0], cost(1.0))
    assert day.wait_s.tolist() == [1.0, 1.0]


def test_a_turn_without_requests_is_paid_for():
    day = batches(np.array([100.0]), [900.0, 1800.0], cost(boot_s=60.0))
    assert [up.to_s - up.from_s for up in day.ups] == [60.0, 60.0]


def test_a_turn_that_is_not_over_goes_on_with_what_came():
    spent = cost(100.0, max_rows=1, boot_s=60.0, start_s=3.0, end_s=2.0)
    day = batches(np.array([0.0, 1.0, 150.0]), [100.0, 200.0], spent)
    assert (day.wait_s + np.array([0.0, 1.0, 150.0])).tolist() == [263.0, 363.0, 463.0]
    assert day.ups == (Up(100.0, 465.0),)


def test_a_machine_that_is_still_up_needs_no_boot():
    spent = cost(100.0, boot_s=60.0, start_s=3.0, end_s=50.0)
    day = batches(np.array([0.0, 250.0]), [100.0, 300.0], spent)
    # Done at 263, the process gone at 313: a new one starts then.
    assert day.wait_s[1] + 250 == 313 + 3 + 100
    assert len(day.ups) == 1


def test_by_load_the_first_request_wakes_a_worker_and_idling_ends_it():
    rules = Rules([10.0], look_s=1.0, commit_s=0.5, idle_s=60.0)
    spent = cost(2.0, boot_s=30.0, start_s=3.0, end_s=1.0)
    day = follow(np.array([100.0, 5000.0]), np.zeros(2, np.int32), rules, spent)
    # Seen at 101, ready at 134, T until 144, the run until 146.
    assert day.wait_s.tolist() == [46.0, 46.0]
    # Committed at 146.5, idle until 206.5, seen at 207.5, gone at 208.5.
    assert day.ups[0] == Up(101.0, 208.5)


def test_by_load_a_full_batch_does_not_linger():
    rules = Rules([1000.0], look_s=0.0, commit_s=0.0, idle_s=60.0)
    day = follow(np.array([1.0, 2.0]), np.zeros(2, np.int32), rules, cost(1.0, max_rows=2))
    assert day.wait_s.tolist() == [2.0, 1.0]


def test_by_load_a_batch_grows_while_two_are_in_flight():
    rules = Rules([1.0], look_s=0.0, commit_s=0.0, idle_s=60.0)
    times = np.array([0.0, 2.0, 4.0, 6.0, 11.5])
    day = follow(times, np.zeros(5, np.int32), rules, cost(10.0))
    # Runs from 1 to 11 and from 11 to 21; the third closes at 11 and the fourth waits for it.
    assert (times + day.wait_s).tolist() == [11.0, 21.0, 31.0, 31.0, 41.0]


def test_lanes_gather_apart_and_share_one_worker():
    rules = Rules([10.0, 11.0], look_s=0.0, commit_s=0.0, idle_s=60.0)
    day = follow(np.array([0.0, 0.5]), np.array([0, 1], np.int32), rules, cost(5.0))
    assert day.wait_s.tolist() == [15.0, 19.5]


def test_ticks_are_quarters_by_day_and_hours_at_night():
    assert len(QUARTERS) == 8 + 40 + 6
    assert QUARTERS[7:10] == [28_800.0, 29_700.0, 30_600.0]
    assert QUARTERS[-1] == DAY_S


@pytest.mark.parametrize("lingers_s", [(700.0, 3600.0), (900.0, 5000.0), (0.0, 3600.0)])
def test_a_linger_divides_its_hours(lingers_s):
    with pytest.raises(ValueError, match="do not divide"):
        ticks_s(*lingers_s)


@pytest.mark.parametrize(
    ("billing", "hours"),
    [(BY_SECOND, 121 / 3600), (BY_MINUTE, 180 / 3600), (Billing("an hour", 1.0, 3600.0), 2.0)],
)
def test_each_time_up_is_billed_in_whole_units(billing, hours):
    assert billing.hours([Up(0.0, 0.5), Up(10.0, 130.0)]) == pytest.approx(hours)


def test_a_day_tells_its_worst_and_mean_wait():
    day = Day(np.array([1.0, 3.0]), (Up(0.0, 10.0),), 5.0)
    assert (day.worst_s, day.mean_s, day.utilisation) == (3.0, 2.0, 0.5)
