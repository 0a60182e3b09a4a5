"""A fleet whose lane is to be ready by a time: it comes as late as it can, and is gone when that is done."""

import pytest

from tests.unit.scaling.ready_fleet import MARGIN_S, MIDNIGHT_S, RATE, TIME_S, UTILISATION, Fleet

AHEAD_S = 10 + 3 + 1  # a start, what the group waits, a look
LAST_S = TIME_S - MARGIN_S


def _gathered(per_partition, **given):
    """A fleet for which so many records came at midnight, ten minutes before the time."""
    fleet = Fleet(**given)
    fleet.add(per_partition)
    fleet.at_s = TIME_S - 600
    return fleet


@pytest.mark.parametrize(
    ("per_partition", "workers"), [(4_000, 4), (2_000, 2), (1_000, 1), (10, 1)]
)
def test_as_many_as_any_window_gets_come_as_late_as_that_allows(per_partition, workers):
    fleet = _gathered(per_partition)
    serving_s = 4 * per_partition / workers / RATE / UTILISATION
    fleet.until(TIME_S)

    assert fleet.first_s == pytest.approx(LAST_S - serving_s - AHEAD_S, abs=2)
    assert [count for _, count in fleet.counts] == [workers, 0]
    assert fleet.lag == 0
    assert not fleet.told["missed"] + fleet.told["overran"]


def test_more_than_all_may_serve_in_time_opens_as_much_earlier():
    fleet = _gathered(20_000, most=2)
    fleet.until(TIME_S)

    assert fleet.first_s == pytest.approx(LAST_S - 500 - AHEAD_S, abs=2)
    assert [count for _, count in fleet.counts] == [2, 0]
    assert fleet.lag == 0


def test_nothing_that_waits_needs_nobody():
    fleet = _gathered(0)
    fleet.until(TIME_S + 60)

    assert fleet.counts == []


def test_what_comes_later_waits_for_the_next_time_and_needs_nobody_at_this_one():
    fleet = _gathered(1_000)
    fleet.until(LAST_S - 5)
    fleet.add(50)
    fleet.until(TIME_S + 100)

    assert [count for _, count in fleet.counts] == [1, 0]
    assert fleet.lag == 200
    assert fleet.report.lanes["documents"].lag_records == 0
    fleet.at_s = TIME_S + 24 * 3_600 - 100
    fleet.until(TIME_S + 24 * 3_600)
    assert fleet.lag == 0


def test_a_record_in_a_partition_that_nobody_opened_keeps_nobody_up():
    fleet = Fleet()
    fleet.add(6_000, 0, 1)
    fleet.at_s = TIME_S - 600
    fleet.until(LAST_S - 70)
    fleet.add(1, 3)
    fleet.until(TIME_S + 60)

    assert fleet.counts[-1] == (fleet.counts[-1][0], 0)
    assert len(fleet.counts) == 2


def test_a_worker_that_is_killed_is_replaced_and_all_is_ready():
    fleet = _gathered(4_000)
    fleet.until(LAST_S - 30)
    fleet.kill()
    fleet.until(TIME_S)

    assert fleet.lag == 0
    assert len({note.moment_s for note in fleet.notes.values()}) <= 3


@pytest.mark.parametrize("before_s", [55, 40, 20, 5])
def test_another_scaler_in_the_middle_says_the_same(before_s):
    fleet = _gathered(4_000)
    fleet.until(LAST_S - before_s)
    fleet.scale_anew()
    fleet.until(TIME_S)

    assert fleet.lag == 0
    assert [count for _, count in fleet.counts] == [4, 0]


def test_two_scalers_say_the_same():
    fleet = _gathered(4_000)
    other = Fleet()
    while fleet.at_s < TIME_S:
        fleet.until(fleet.at_s + 1)
        told = other.scaler.take(fleet._look(), len(fleet.workers) + len(fleet.coming_s))
        assert told.decision.workers == fleet.report.decision.workers


def test_workers_that_are_slower_than_was_known_are_joined_by_others_and_it_is_said_before():
    fleet = _gathered(3_000, rate=RATE // 2, most=8)
    fleet.until(LAST_S - 5)
    slack_s = []
    while fleet.at_s < TIME_S - 1:
        fleet.until(fleet.at_s + 1)
        slack_s.append(fleet.report.lanes["documents"].ready.slack_s)

    assert min(slack_s) < MARGIN_S
    assert max(count for _, count in fleet.counts) == 4


def test_where_as_many_as_any_window_gets_would_be_late_more_are_asked_for():
    """One would take 50 s, which is within `catch_up`, but the time comes in 45."""
    fleet = Fleet(lane={"ready_margin": 10.0}, catch_up="60s")
    fleet.at_s = TIME_S - 45
    fleet.add(1_000)
    fleet.until(TIME_S - 44)

    assert fleet.report.decision.workers == 2


def test_a_time_that_is_missed_is_known_without_a_worker():
    fleet = _gathered(1_000, start_s=10_000)
    fleet.until(TIME_S - 1)
    before = fleet.report.lanes["documents"].ready
    fleet.until(TIME_S + 1)
    after = fleet.report.lanes["documents"].ready

    assert before.slack_s < 0 < before.left_s
    assert after.left_s <= 0
    assert after.records == 4_000
    assert after.time == "2027-01-16 07:00:00+00:00"


def test_who_comes_after_the_time_serves_it_at_once():
    fleet = Fleet()
    fleet.add(1_000)
    fleet.at_s = TIME_S + 600
    fleet.scale_anew()
    fleet.until(TIME_S + 700)

    assert fleet.lag == 0
    assert [count for _, count in fleet.counts] == [1, 0]


def test_while_it_is_not_known_what_a_worker_serves_one_comes_at_once():
    fleet = _gathered(1_000, known=False)
    fleet.until(fleet.at_s + 5)

    assert fleet.report.decision.workers == 1
    assert fleet.report.lanes["documents"].ready.slack_s is None


def test_scheduled_moments_are_served_as_well_and_what_came_since_is_ready():
    fleet = Fleet(lane={"open": ["0 2 * * *"]})
    fleet.at_s = MIDNIGHT_S + 7_100
    fleet.add(1_000)
    fleet.until(MIDNIGHT_S + 7_300)
    assert fleet.lag == 0
    fleet.add(1_000)
    fleet.at_s = TIME_S - 600
    fleet.until(TIME_S)

    assert fleet.lag == 0
    assert [count for _, count in fleet.counts] == [1, 0, 1, 0]


def test_slack_is_a_margin_when_it_opens():
    fleet = _gathered(4_000)
    fleet.until(fleet.at_s + 200)
    far = fleet.report.lanes["documents"].ready
    fleet.until(LAST_S - 50 - AHEAD_S)
    near = fleet.report.lanes["documents"].ready

    assert far.slack_s == pytest.approx(600 - 200 - 50 - 10)
    assert near.slack_s == pytest.approx(MARGIN_S + 4, abs=1)
    assert near.records == 16_000


# Beside other lanes


def _done_s(fleet):
    """Let time pass until nothing waits; return when that was."""
    while fleet.lag:
        assert fleet.at_s < TIME_S + 3_600
        fleet.until(fleet.at_s + 1)
    return fleet.at_s


def test_what_arrives_beside_it_opens_it_as_much_earlier_and_no_more():
    """40 records/s leave half of what is counted on."""
    fleet = _gathered(900, urgent=10, most=1)
    fleet.until(fleet.at_s + 100)
    done_s = _done_s(fleet)
    (opened_s,) = {note.moment_s for note in fleet.notes.values()}

    assert opened_s == pytest.approx(LAST_S - 3_600 / (RATE * UTILISATION - 40), abs=4)
    assert done_s <= LAST_S


@pytest.mark.parametrize("opens", ["52 6 * * *", "58 6 * * *"])
def test_what_waits_for_a_moment_before_its_time_is_left_time_for(opens):
    fleet = _gathered(2_000, reports=[opens], most=1)
    fleet.add(1_000, topic="reports")
    fleet.until(fleet.at_s + 30)

    assert _done_s(fleet) <= LAST_S + 1


def test_what_waits_for_a_moment_after_its_time_needs_none():
    fleet = _gathered(1_000, reports=["5 7 * * *"])
    fleet.add(9_000, topic="reports")
    fleet.until(TIME_S)

    assert fleet.first_s == pytest.approx(LAST_S - 50 - AHEAD_S, abs=2)


def test_a_lane_that_is_starved_by_others_is_known_to_be_late_before():
    """More arrives than one serves; this lane gets its turns of it, half."""
    fleet = _gathered(9_000, urgent=30, most=1)
    fleet.until(fleet.at_s + 5)

    assert fleet.report.lanes["documents"].ready.slack_s < 0
