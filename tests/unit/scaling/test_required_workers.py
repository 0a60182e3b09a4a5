"""How many workers a load needs, rule by rule; a worker serves 100 records/s unless told."""

import pytest

from config.settings import Scaling
from daemon.scaling.required_workers import enough, planned, roomy
from tests.unit.scaling.loads import load

PLAIN = Scaling(utilisation=0.75, catch_up=60.0)


def plan(some, *, gathering_s=0.0, most=1000, scaling=PLAIN):
    return planned(some, 100.0, gathering_s, scaling, most)


# Rule 1: arrivals, backlog, what gathers


def test_arrivals_take_no_more_than_the_utilisation():
    assert plan(load(arrival_rate=600.0, partitions=1000)).wanted == 8
    assert plan(load(arrival_rate=601.0, partitions=1000)).wanted == 9


def test_a_backlog_is_served_within_the_time_to_catch_up():
    assert plan(load(lag=12_000)).wanted == 2
    assert plan(load(lag=12_001)).wanted == 3


def test_what_is_in_flight_by_design_is_no_backlog():
    assert plan(load(arrival_rate=300.0, lag=600)).wanted == 4
    assert plan(load(arrival_rate=300.0, lag=601)).wanted == 5


def test_what_gathers_until_workers_serve_is_a_backlog_already():
    some = load(arrival_rate=300.0, partitions=1000)

    assert plan(some, gathering_s=20.0).wanted == 5


def test_any_work_needs_one():
    assert plan(load(lag=1)).target == 1
    assert plan(load()).target == 1


def test_the_reason_says_what_needs_how_many():
    some = load(arrival_rate=700.0, lag=13_400)

    assert plan(some).reason == (
        "700 records/s need 9.3 workers of 100 records/s, 12,000 waiting records 2.0 more"
    )


# Rule 2: even shares


def test_no_more_are_taken_than_share_the_partitions_better():
    assert plan(load(arrival_rate=500.0, lag=1000)).target == 6
    assert plan(load(arrival_rate=500.0, lag=1000)).wanted == 7


def test_the_largest_share_still_takes_what_arrives():
    """9 of 12 partitions is 2 for some: arrivals of 7 workers do not fit into half of 12."""
    assert plan(load(arrival_rate=640.0, partitions=12)).target == 12


@pytest.mark.parametrize(("rate", "expected"), [(719.0, 8), (721.0, 12)])
def test_a_tenth_of_the_largest_share_is_kept_free(rate, expected):
    assert plan(load(arrival_rate=rate)).target == expected


def test_a_higher_utilisation_keeps_less_free():
    scaling = Scaling(utilisation=0.95)

    assert plan(load(arrival_rate=755.0), scaling=scaling).target == 8


# Rule 3: bounds


def test_there_are_no_more_than_partitions():
    assert plan(load(arrival_rate=9000.0)).target == 24


def test_the_most_that_may_run_are_shared_evenly_too():
    assert plan(load(arrival_rate=9000.0), most=11).target == 8


# Rule 4: skew


def test_a_backlog_needs_no_more_than_the_partitions_that_have_it():
    skewed = load(lag=120_000, lagging=3)

    assert plan(skewed).target == 3
    assert plan(skewed).wanted == 20


def test_partitions_that_are_stuck_do_not_count_among_them():
    assert plan(load(lag=120_000, lagging=5, stuck=2)).target == 3


def test_skew_takes_nothing_from_arrivals():
    assert plan(load(arrival_rate=600.0, lag=120_000, lagging=1)).target == 8


def test_lag_of_stuck_partitions_needs_nobody():
    assert plan(load(lag=120_000, stuck=1, stuck_lag=119_000)).wanted == 1


# Whether those that run will do


def test_enough_can_serve_the_backlog_in_time():
    assert enough(load(arrival_rate=200.0, lag=12_400), 100.0, 4, 0.0, PLAIN)
    assert not enough(load(arrival_rate=200.0, lag=12_401), 100.0, 4, 0.0, PLAIN)


def test_enough_can_serve_what_gathers_too():
    assert not enough(load(arrival_rate=200.0, lag=12_000), 100.0, 4, 5.0, PLAIN)


def test_enough_keep_a_tenth_free_for_arrivals():
    assert enough(load(arrival_rate=360.0), 100.0, 4, 0.0, PLAIN)
    assert not enough(load(arrival_rate=361.0), 100.0, 4, 0.0, PLAIN)


def test_enough_is_what_the_largest_share_can_do():
    assert not enough(load(arrival_rate=550.0), 100.0, 7, 0.0, PLAIN)


def test_roomy_leaves_all_of_the_reserve():
    assert roomy(load(arrival_rate=600.0), 100.0, PLAIN) == 8
    assert roomy(load(arrival_rate=601.0), 100.0, PLAIN) == 12
