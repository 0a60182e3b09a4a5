"""When the number of workers follows the need, rule by rule; a worker serves 100 records/s."""

import math

import pytest

from tests.unit.scaling.loads import load, looks, policy, running

IDLE_S = 60.0
WINDOW_S = 120.0
START_S = 15.0


# Rule 5: bounds


def test_it_begins_with_what_runs():
    assert policy().decide(load(workers=5, lag=1), 0.0).workers == 5


def test_min_workers_are_there_from_the_first_look_on():
    decision = policy(min_workers=3).decide(load(), 0.0)

    assert decision.workers == 3
    assert decision.held == "scaling.min_workers is 3"


def test_min_workers_are_there_though_nothing_is_known():
    assert policy(min_workers=3).decide(load(lag=None), 0.0).workers == 3


def test_there_are_no_more_than_partitions():
    decision = looks(policy(), 0, 60, arrival_rate=9000.0, lag=1)

    assert decision.workers == 24
    assert decision.wanted == 143
    assert decision.held == "there are 24 partitions"


def test_there_are_no_more_than_max_workers():
    decision = looks(policy(most=5), 0, 60, arrival_rate=9000.0, lag=1)

    assert decision.workers == 5
    assert decision.held == "at most 5 may run"


def test_min_workers_may_be_more_than_partitions():
    assert policy(most=40, min_workers=30).decide(load(), 0.0).workers == 30


def test_more_than_may_run_are_let_go_at_once():
    assert policy(most=4).decide(load(workers=9, lag=1), 0.0).workers == 4


# Rule 6: unknown


@pytest.mark.parametrize("unknown", [{"lag": None}, {"partitions": 0, "lag": 0}])
def test_the_number_stays_while_the_lag_is_unknown(unknown):
    made = running(4)

    decision = looks(made, 1, 1000, arrival_rate=2000.0, **unknown)

    assert decision.workers == 4
    assert decision.held == "held until it is known again"


def test_zero_stays_while_the_lag_is_unknown():
    assert policy().decide(load(lag=None, arrival_rate=500.0), 0.0).workers == 0


def test_time_in_which_nothing_was_known_is_no_reason_for_fewer():
    made = running(12)
    looks(made, 1, 200, lag=None)

    assert looks(made, 201, 201 + WINDOW_S - 2, arrival_rate=100.0, lag=1).workers == 12


def test_time_in_which_nothing_was_known_is_no_idle_time():
    made = running(12)
    looks(made, 1, 200, lag=None)

    assert made.decide(load(arrived_s=0.0), 201).workers == 12
    assert made.decide(load(arrived_s=0.0), 199 + IDLE_S).workers == 12
    assert made.decide(load(arrived_s=0.0), 200 + IDLE_S).workers == 0


# Rule 7: stuck


def test_stuck_partitions_need_nobody():
    made = running(2)

    decision = looks(made, 1, 60, lag=90_000, lagging=2, stuck=2, stuck_lag=90_000)

    assert decision.workers == 2


def test_it_does_not_grow_while_all_that_waits_is_stuck():
    made = running(2)

    decision = looks(
        made, 1, 60, arrival_rate=900.0, lag=90_000, lagging=2, stuck=2, stuck_lag=90_000
    )

    assert decision.workers == 2
    assert decision.held == "all that waits is in 2 stuck partitions"


def test_it_grows_for_partitions_that_move_beside_stuck_ones():
    made = running(2)

    assert looks(made, 1, 60, arrival_rate=900.0, lag=5000, stuck=2, stuck_lag=100).workers == 12


def test_lag_of_stuck_partitions_keeps_one_worker():
    made = running(1)

    assert looks(made, 1, 500, lag=10, lagging=1, stuck=1, stuck_lag=10).workers == 1


def test_nothing_is_stuck_while_no_worker_runs():
    some = load(lag=18_000, stuck=24, stuck_lag=18_000)

    assert policy().decide(some, 0.0).workers == 3


# Rule 8: up


def test_it_grows_at_once():
    assert running(2).decide(load(arrival_rate=400.0, lag=400, arrived_s=1.0), 1.0).workers == 6


def test_a_step_is_to_at_most_twice_as_many_and_four():
    made = running(2)

    decision = made.decide(load(arrival_rate=1600.0, lag=9000, arrived_s=1.0), 1.0)

    assert decision.workers == 8
    assert decision.wanted > 20


def test_a_step_that_is_cut_short_shares_evenly():
    """2 * 3 + 4 = 10 share 24 partitions no better than 8."""
    made = running(3)

    assert made.decide(load(arrival_rate=1600.0, lag=9000, arrived_s=1.0), 1.0).workers == 8


def test_the_next_step_waits_until_the_rates_have_seen_more():
    made = running(2)
    some = load(arrival_rate=1600.0, lag=9000, arrived_s=1.0)
    made.decide(some, 1.0)

    soon, later = made.decide(some, 5.9), made.decide(some, 6.0)

    assert (soon.workers, soon.held) == (8, "the last step up was just now: 0 s more")
    assert later.workers == 12


def test_a_start_that_is_quicker_lets_the_next_step_be():
    made = running(2, start_time=2.0)
    some = load(arrival_rate=1600.0, lag=9000, arrived_s=1.0)
    made.decide(some, 1.0)

    assert made.decide(some, 3.0).workers == 12


def test_it_does_not_grow_where_those_that_run_catch_up_in_time():
    made = running(4)

    decision = made.decide(load(arrival_rate=290.0, lag=6000, arrived_s=1.0), 1.0)

    assert decision.wanted == 5
    assert decision.workers == 4
    assert decision.held == "4 serve what waits within 60 s"


def test_what_gathers_while_workers_start_is_foreseen():
    """4 would do for 390 records/s, but not for what waits when they serve."""
    made = running(1, utilisation=1.0)

    assert made.decide(load(arrival_rate=390.0, lag=780, arrived_s=1.0), 1.0).workers == 5


def test_what_was_foreseen_is_not_asked_for_again():
    made = running(1, utilisation=1.0)
    for now in range(1, 16):
        some = load(arrival_rate=390.0, lag=390 * (now - 1) + 780, arrived_s=float(now))
        assert made.decide(some, float(now)).workers == 5


# Rule 9: gain


def useless(made, until):
    """500 records/s come, 8 workers run soon, and serve 200 as 2 did."""
    for now in range(1, until):
        some = {"arrival_rate": 500.0, "lag": 1000 + 300 * now, "arrived_s": float(now)}
        decision = made.decide(load(served_rate=200.0, workers=8, **some), float(now))
    return decision


def test_it_does_not_grow_further_when_the_last_step_brought_nothing():
    decision = useless(running(2), 200)

    assert decision.workers == 8
    assert decision.wanted > 15
    assert "brought 0 records/s of 600" in decision.held


def test_it_grows_further_once_the_last_step_shows():
    made = running(2)
    useless(made, 200)

    some = load(arrival_rate=900.0, lag=60_000, served_rate=700.0, workers=8, arrived_s=200.0)
    assert made.decide(some, 200.0).workers == 12


def test_a_step_that_took_away_what_waited_is_not_judged():
    """Later the group serves less because less comes, and then all comes at once."""
    made = running(2)
    made.decide(load(arrival_rate=500.0, lag=1000, served_rate=200.0, arrived_s=1.0), 1.0)
    looks(made, 2, 60, arrival_rate=100.0, lag=100, served_rate=100.0, workers=8)

    some = load(arrival_rate=1500.0, lag=5000, served_rate=100.0, workers=8, arrived_s=61.0)
    assert made.decide(some, 61.0).workers == 12


# Rule 10: down


def test_it_shrinks_after_a_window_in_which_fewer_were_enough():
    made = running(12)

    assert looks(made, 1, WINDOW_S - 1, arrival_rate=280.0, lag=300).workers == 12
    assert made.decide(load(arrival_rate=280.0, lag=300, arrived_s=120.0), WINDOW_S).workers == 4


def test_it_shrinks_to_the_most_that_was_needed_within_the_window():
    made = running(12)
    looks(made, 1, 100, arrival_rate=200.0, lag=300)
    looks(made, 101, 101, arrival_rate=420.0, lag=300)

    assert looks(made, 102, 130, arrival_rate=200.0, lag=300).workers == 6


def test_it_shrinks_once_a_window():
    made = running(12)
    looks(made, 1, 10, arrival_rate=420.0, lag=300)
    looks(made, 11, 60, arrival_rate=280.0, lag=300)

    assert looks(made, 61, 239, arrival_rate=100.0, lag=100).workers == 6
    assert looks(made, 240, 240, arrival_rate=100.0, lag=100).workers == 2


def test_it_shrinks_only_where_all_of_the_reserve_is_left():
    """8 are enough for 700 records/s on the way up, 12 on the way down."""
    made = running(24)

    assert looks(made, 1, 500, arrival_rate=700.0, lag=700).workers == 12


def test_a_new_policy_first_looks_for_a_whole_window():
    made = policy()

    assert looks(made, 0, WINDOW_S - 1, workers=12, lag=1).workers == 12
    assert looks(made, WINDOW_S, WINDOW_S, workers=12, lag=1).workers == 1


# Rule 11: dead band


def test_fewer_by_less_than_a_fifth_are_not_worth_a_rebalance():
    made = running(8)

    decision = looks(made, 1, 500, arrival_rate=500.0, lag=500, partitions=56)

    assert decision.workers == 8
    assert decision.held == "1 fewer are not worth a rebalance"


def test_fewer_by_a_fifth_are():
    made = running(5)

    assert looks(made, 1, 500, arrival_rate=280.0, lag=300).workers == 4


# Rule 12: zero


def test_all_go_when_nothing_came_or_waited_for_the_idle_time():
    made = running(12)
    looks(made, 1, 30, arrival_rate=900.0, lag=900)

    for now in range(31, 90):
        assert made.decide(load(arrived_s=30.0), float(now)).workers == 12
    assert made.decide(load(arrived_s=30.0), 30 + IDLE_S).workers == 0


def test_what_waits_keeps_them():
    made = running(1)

    for now in range(1, 300):
        assert made.decide(load(arrived_s=0.0, lag=1, lagging=1), float(now)).workers == 1


def test_the_idle_time_counts_from_the_last_that_waited():
    made = running(1)
    for now in range(1, 101):
        made.decide(load(arrived_s=0.0, lag=1, lagging=1), float(now))

    assert made.decide(load(arrived_s=0.0), 100 + IDLE_S - 1).workers == 1
    assert made.decide(load(arrived_s=0.0), 100 + IDLE_S).workers == 0


def test_as_many_as_wake_nobody_do_not_keep_them():
    made = running(1, activation=10)

    assert made.decide(load(lag=10, arrived_s=0.0), IDLE_S).workers == 0


def test_arrivals_keep_one():
    made = running(1)

    assert looks(made, 1, 300, arrival_rate=0.1).workers == 1


def test_min_workers_are_left():
    made = running(12, min_workers=2)

    decision = made.decide(load(arrived_s=0.0), IDLE_S)

    assert decision.workers == 2
    assert decision.reason == "nothing came or waited for 60 s"


# Rule 13: wake


def test_the_first_record_wakes_one():
    made = policy()
    made.decide(load(), 0.0)

    assert made.decide(load(lag=1, lagging=1, arrived_s=1.0), 1.0).workers == 1


def test_as_many_as_are_needed_wake_at_once():
    made = policy()
    made.decide(load(), 0.0)

    assert made.decide(load(lag=18_000, arrived_s=1.0), 1.0).workers == 3


def test_no_more_than_four_wake_at_once():
    assert policy().decide(load(lag=900_000), 0.0).workers == 4


def test_up_to_activation_records_wake_nobody():
    made = policy(activation=10)

    assert made.decide(load(lag=10), 0.0).workers == 0
    assert made.decide(load(lag=11), 1.0).workers == 1


def test_it_wakes_right_after_it_went_to_zero():
    made = running(1)
    looks(made, 1, 1, arrival_rate=200.0, lag=9000)
    made.decide(load(arrived_s=1.0), 61.0)

    assert made.decide(load(lag=1, arrived_s=61.5), 61.5).workers == 1


# Rule 14: no rate


def test_one_wakes_though_nobody_knows_what_it_serves():
    decision = policy().decide(load(lag=90_000, service_rate=None), 0.0)

    assert decision.workers == 1
    assert decision.reason == "what a worker serves is not known yet; 90,000 records wait"


def test_one_more_comes_when_the_backlog_did_not_fall():
    made = policy()
    some = {"lag": 90_000, "service_rate": None}

    assert looks(made, 0, 2 * START_S + 2, **some).workers == 1
    assert looks(made, 2 * START_S + 3, 4 * START_S + 5, **some).workers == 2
    assert looks(made, 4 * START_S + 6, 4 * START_S + 6, **some).workers == 3


def test_no_more_come_while_the_backlog_falls():
    made = policy()
    for now in range(200):
        some = load(lag=90_000 - now, service_rate=None, arrived_s=float(now))
        assert made.decide(some, float(now)).workers == 1


def test_what_is_in_flight_is_no_reason_for_more():
    made = policy()

    assert looks(made, 0, 200, arrival_rate=50.0, lag=100, service_rate=None).workers == 1


def test_nobody_goes_while_something_waits_and_nobody_knows_what_one_serves():
    made = running(5)

    assert looks(made, 1, 500, lag=1, lagging=1, service_rate=None).workers == 5


def test_one_goes_when_nothing_waited_long_though_nobody_knows_what_one_serves():
    made = running(2)
    some = {"arrival_rate": 50.0, "lag": 100, "service_rate": None}

    assert looks(made, 1, WINDOW_S, **some).workers == 2
    assert looks(made, WINDOW_S + 1, WINDOW_S + 1, **some).workers == 1
    assert looks(made, WINDOW_S + 2, 500, **some).workers == 1


def test_no_more_come_than_partitions_have_a_backlog():
    made = policy()

    decision = looks(made, 0, 500, lag=90_000, lagging=3, stuck=1, service_rate=None)

    assert decision.workers == 2


def test_all_go_in_the_end_though_the_rate_is_unknown():
    made = running(5)

    assert made.decide(load(service_rate=None, arrived_s=0.0), IDLE_S).workers == 0


# While it gathers


GATHERING = {"lag": 5, "waiting_s": 900.0, "start_s": 15.0, "arrived_s": 0.0}


def test_what_gathers_wakes_nobody_before_a_start_ahead_of_its_time():
    made = policy()
    numbers = [
        made.decide(load(**GATHERING | {"waiting_s": 900.0 - now}), float(now)).workers
        for now in range(900)
    ]

    assert numbers == [0] * 885 + [1] * 15


def test_it_is_told_until_when_nobody_is_needed():
    asleep = policy().decide(load(**GATHERING, wall_s=1_796_000_000.0), 0.0)

    assert asleep.reason == "5 records gather"
    assert asleep.held == "gathering until 01:08:05 UTC"


def test_nothing_gathers_where_nothing_waits():
    assert policy().decide(load(start_s=15.0, waiting_s=math.inf), 0.0).held == ""


def test_min_workers_are_not_slept_through():
    assert policy(min_workers=1).decide(load(**GATHERING), 0.0).workers == 1


def test_they_end_at_once_when_nothing_is_due_for_longer_than_a_sleep_costs():
    decision = running(3).decide(load(lag=5, spare_s=36.0, start_s=15.0, arrived_s=1.0), 1.0)

    assert (decision.workers, decision.rests) == (0, True)
    assert decision.reason == "nothing is due for 36 s"


def test_they_stay_when_a_sleep_would_cost_more():
    decision = running(3).decide(load(lag=5, spare_s=35.0, start_s=15.0, arrived_s=1.0), 1.0)

    assert (decision.workers, decision.rests) == (3, False)


def test_min_workers_hold_what_gathers():
    decision = running(3, min_workers=1).decide(load(lag=5, spare_s=900.0, arrived_s=1.0), 1.0)

    assert (decision.workers, decision.rests) == (3, False)


def test_who_ends_for_want_of_work_leaves_nothing_to_others():
    made = running(2)
    decision = made.decide(load(arrived_s=0.0), IDLE_S)

    assert (decision.workers, decision.rests) == (0, False)


def test_nobody_rests_while_the_lag_is_unknown():
    made = running(3)

    assert made.decide(load(lag=None, spare_s=900.0, arrived_s=1.0), 1.0).workers == 3


def test_time_asleep_is_none_in_which_a_worker_brought_nothing():
    made = policy()
    seen = {"service_rate": None, "lag": 64, "start_s": 15.0, "batching_s": 1.0}
    for cycle_s in range(0, 400, 100):
        assert made.decide(load(**seen, waiting_s=0.0), cycle_s).workers == 1
        assert made.decide(load(**seen, spare_s=50.0), cycle_s + 10.0).workers == 0
        assert made.decide(load(**seen, waiting_s=80.0), cycle_s + 11.0).workers == 0
