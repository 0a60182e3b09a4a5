"""How fast records arrive, by the ends of the logs."""

import pytest

from daemon.scaling.group_rates import ArrivalRate
from daemon.scaling.observation import Observation, Offsets
from tests.unit.scaling.sights import TOPIC, sight

UNKNOWN = Offsets(None, None, None)


def _arrivals(*sights):
    arrivals = ArrivalRate({"standard": [TOPIC]})
    for each in sights:
        arrivals.see(each)
    return arrivals


def test_all_partitions_count():
    arrivals = _arrivals(sight(0, (0, 0), (0, 0)), sight(10, (40, 0), (60, 0)))

    assert arrivals.rate("standard") == pytest.approx(10)
    assert arrivals.total == pytest.approx(10)


def test_what_was_there_before_the_first_look_did_not_arrive():
    assert _arrivals(sight(0, (1_000, 0)), sight(10, (1_000, 0))).total == 0


def test_commits_are_no_arrivals():
    assert _arrivals(sight(0, (100, 0)), sight(10, (100, 90))).total == 0


def test_the_larger_of_the_two_windows_counts():
    rising = _arrivals(*[sight(second, (max(0, second - 45) * 100, 0)) for second in range(61)])
    falling = _arrivals(*[sight(second, (min(45, second) * 100, 0)) for second in range(61)])

    assert rising.total == pytest.approx(100)
    assert falling.total == pytest.approx(75)


def test_a_jump_shows_within_five_seconds():
    """100 records/s for 25 s, then 400: 2,000 records in 5 s, of which chance makes 89."""
    ends = [100 * min(second, 25) + 400 * max(0, second - 25) for second in range(31)]
    arrivals = _arrivals(*[sight(second, (end, 0)) for second, end in enumerate(ends)])

    assert arrivals.total == arrivals.rate("standard") == pytest.approx(400 - 89.4 / 5, rel=1e-3)


def test_a_few_records_that_come_together_are_no_jump():
    ends = [0] * 26 + [4] * 5
    arrivals = _arrivals(*[sight(second, (end, 0)) for second, end in enumerate(ends)])

    assert arrivals.total == pytest.approx(4 / 15)


def test_what_came_while_the_end_was_unknown_is_spread_over_that_time():
    arrivals = _arrivals(
        *[sight(second, (0, 0)) for second in range(20)],
        *[sight(second, UNKNOWN) for second in range(20, 80)],
        sight(80, (610, 0)),
    )

    assert arrivals.total == pytest.approx(10, rel=0.3)


def test_an_end_that_is_unknown_first_is_no_arrival_later():
    assert _arrivals(sight(0, UNKNOWN), sight(1, (5_000, 0)), sight(10, (5_000, 0))).total == 0


def test_an_unknown_partition_holds_the_rate_of_its_lane():
    arrivals = _arrivals(
        sight(0, (0, 0), (0, 0)),
        sight(10, (100, 0), (100, 0)),
        sight(11, (500, 0), UNKNOWN),
    )

    assert arrivals.rate("standard") == pytest.approx(20)


def test_the_records_of_a_topic_made_anew_have_arrived():
    arrivals = _arrivals(sight(0, (1_000, 0)), sight(10, (50, 0)))

    assert arrivals.total == pytest.approx(5)
    assert arrivals.arrived_s == {"standard": 10}


def test_an_added_partition_counts_from_its_first_look():
    arrivals = _arrivals(sight(0, (0, 0)), sight(20, (0, 0), (300, 0)), sight(40, (0, 0), (350, 0)))

    assert arrivals.total == pytest.approx(2.5)


def test_a_look_that_knows_no_partitions_changes_nothing():
    arrivals = _arrivals(sight(0, (0, 0)), sight(10, (100, 0)), Observation(20, {}, None))

    assert arrivals.total == pytest.approx(10)


def test_lanes_are_counted_apart_and_together():
    arrivals = ArrivalRate({"standard": ["a"], "urgent": ["b"]})
    for at_s, a, b in [(0, 0, 0), (10, 100, 20)]:
        arrivals.see(Observation(at_s, {("a", 0): Offsets(0, a, 0), ("b", 0): Offsets(0, b, 0)}, 1))

    assert arrivals.rate("standard") == pytest.approx(10)
    assert arrivals.rate("urgent") == pytest.approx(2)
    assert arrivals.total == pytest.approx(12)


def test_the_last_arrival_is_remembered():
    first = _arrivals(sight(7, (5, 0)))
    arrivals = _arrivals(sight(0, (0, 0)), sight(3, (1, 0)), sight(9, (1, 1)))

    assert first.arrived_s == {"standard": 7}
    assert arrivals.arrived_s == {"standard": 3}
