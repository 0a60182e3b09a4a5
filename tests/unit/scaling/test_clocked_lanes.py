"""What of lanes that open by the clock is work, and how many workers there are for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.scaling.observation import Offsets
from tests.unit.scaling.clocked_group import QUARTER_S, URGENT, Group
from tests.unit.scaling.sights import TOPIC

HOUR_S = 3_600.0
MIDNIGHT_S = 16 * HOUR_S  # START_S is eight in the morning


def _open(**given):
    """A group with 4 x 6,000 records, a second after a moment, with 2 workers; 4 serve them in time."""
    group = Group(**given)
    group.add(6_000)
    group.pass_s(QUARTER_S - 59)
    group.workers = 2
    return group


# Shut


def test_what_waits_for_its_moment_needs_nobody_and_it_is_said_until_when():
    group = Group()
    group.add(3_000)

    report = group.until(group.scaler(), QUARTER_S - 30)

    assert report.decision.workers == 0
    assert report.decision.held == "closed until 08:15"
    assert report.lanes["documents"].closed_until == "08:15"
    assert (report.lag_records, report.lag_seconds) == (0, 0.0)
    assert report.lanes["documents"].waiting_records == 12_000
    assert report.lanes["documents"].waiting_seconds == pytest.approx(QUARTER_S - 30, abs=60)
    assert report.known


@pytest.mark.parametrize(
    ("lane", "at_s", "said"),
    [
        ({"open": ["30 7 * * *"]}, 60.0, "Sat 16 Jan 07:30"),
        ({"open": ["30 20 * * * *"]}, 60.0, "08:20:30"),
        ({"zone": "Asia/Kolkata"}, 60.0, "13:45"),
    ],
)
def test_until_when_is_said_as_clocks_in_the_zone_show_it(lane, at_s, said):
    group = Group(lane=lane)
    group.add(1)
    group.at_s = at_s
    group.is_known = True

    assert group.take(group.scaler()).lanes["documents"].closed_until == said


def test_a_lane_without_requests_holds_nothing():
    group = Group()

    assert group.take(group.scaler()).decision.held == ""


def test_workers_for_other_lanes_leave_no_shut_partition_stuck():
    group = Group(urgent=1, min_workers=1)
    group.add(10)
    scaler = group.scaler()
    for _ in range(800):
        group.add(1, URGENT)
        group.answer(URGENT)
        report = group.until(scaler, group.at_s + 1)

    assert group.workers == 1
    assert report.stuck == {}


def test_what_arrives_in_a_shut_lane_keeps_nobody_up():
    group = Group(urgent=1)
    scaler = group.scaler()
    group.workers = 3
    for _ in range(100):
        group.add(50)
        report = group.until(scaler, group.at_s + 1)

    assert report.decision.workers == 0
    assert report.lanes["documents"].arrival_rate == pytest.approx(200, rel=0.05)


def test_what_arrives_in_a_shut_lane_adds_nobody_beside_others():
    group = Group(urgent=8)
    scaler = group.scaler()
    for _ in range(30):
        group.add(500)
        group.answer(URGENT)
        group.add(2, URGENT)
        report = group.until(scaler, group.at_s + 1)

    assert report.decision.workers == 1


def test_the_fewest_workers_stay():
    group = Group(min_workers=2)

    assert group.until(group.scaler(), 300).decision.workers == 2


# A start ahead


def test_workers_are_asked_for_at_once_a_start_before_the_moment():
    group = Group(partitions=12, catch_up="60s")
    group.add(6_000)
    scaler = group.scaler()
    before = group.until(scaler, QUARTER_S - 15)
    ahead = group.until(scaler, QUARTER_S - 14)  # 10 s, 3 s for the group, a look

    assert before.decision.workers == 0
    assert ahead.decision.workers == 12
    assert ahead.lanes["documents"].closed_until == "08:15"
    assert ahead.lag_seconds == 0


@pytest.mark.parametrize(("catch_up", "workers"), [("60s", 4), ("120s", 2), ("4min", 1)])
def test_there_are_as_many_as_have_it_answered_within_catch_up(catch_up, workers):
    group = Group(catch_up=catch_up)
    group.add(6_000)

    assert group.until(group.scaler(), QUARTER_S - 1).decision.workers == workers


@pytest.mark.parametrize(
    ("most", "said"), [(2, "at most 2 may run"), (24, "there are 4 partitions")]
)
def test_where_fewer_may_run_than_would_be_done_in_time_that_is_said(most, said):
    group = Group(catch_up="10s")
    group.add(6_000)
    decision = group.until(group.scaler(most), QUARTER_S - 1).decision

    assert decision.workers == min(most, 4)
    assert decision.wanted > decision.workers
    assert (decision.held, decision.bound) == (said, said)


def test_early_takes_the_place_of_a_start():
    group = Group(lane={"early": "2min"})
    group.add(1)
    scaler = group.scaler()

    assert group.until(scaler, QUARTER_S - 121).decision.workers == 0
    assert group.until(scaler, QUARTER_S - 120).decision.workers == 1


def test_who_was_asked_for_a_moment_stays_until_it_though_starts_take_less_than_was_thought():
    group = Group(catch_up="4min")  # a start is taken for 10 s, and here it takes one
    group.add(6_000)
    scaler = group.scaler()
    asked = group.until(scaler, QUARTER_S - 14).decision.workers
    numbers = {
        group.until(scaler, QUARTER_S - left_s).decision.workers for left_s in range(13, 0, -1)
    }
    group.until(scaler, QUARTER_S + 1)
    group.answer()
    group.until(scaler, QUARTER_S + 2)
    group.add(6_000)
    before = group.until(scaler, 2 * QUARTER_S - 6).decision.workers
    ahead = group.until(scaler, 2 * QUARTER_S - 3).decision.workers

    assert (asked, numbers) == (1, {1})
    assert (before, ahead) == (0, 1), "the next moment has them as late as was measured"


def test_a_clock_that_is_set_back_before_a_start_ahead_sends_them_away():
    group = Group(catch_up="4min")
    group.add(6_000)
    scaler = group.scaler()
    asked = group.until(scaler, QUARTER_S - 10).decision.workers
    group.pass_s(1, steps=-60)

    assert (asked, group.take(scaler).decision.workers) == (1, 0)
    assert group.until(scaler, QUARTER_S - 5).decision.workers == 1


def test_nobody_comes_for_a_moment_at_which_nothing_waits():
    group = Group()

    assert group.until(group.scaler(), QUARTER_S + 5).decision.workers == 0


def test_no_more_than_activation_wake_nobody():
    group = Group(activation=8)
    group.add(2)
    scaler = group.scaler()

    assert group.until(scaler, QUARTER_S + 5).decision.workers == 0
    group.add(1)
    assert group.until(scaler, 2 * QUARTER_S - 1).decision.workers == 1


def test_one_comes_where_it_is_not_known_what_a_worker_serves():
    group = Group(service_rate=None)
    group.add(30_000)

    assert group.until(group.scaler(), QUARTER_S - 1).decision.workers == 1


# Open


def test_they_stay_until_all_is_answered_and_end_at_once_with_the_commit_that_reaches_the_target():
    group = Group()
    group.add(6_000)
    scaler = group.scaler()
    group.until(scaler, QUARTER_S + 20)
    group.answer(up_to=5_999)
    nearly = group.until(scaler, QUARTER_S + 21)
    group.answer()
    after = group.until(scaler, QUARTER_S + 22)

    assert (nearly.decision.workers, nearly.decision.wanted) == (4, 1)
    assert nearly.lag_seconds == pytest.approx(21, abs=1)
    assert (after.decision.workers, after.lag_seconds) == (0, 0.0)


def test_what_comes_while_it_is_open_is_not_waited_for():
    group = Group()
    group.add(10)
    scaler = group.scaler()
    group.until(scaler, QUARTER_S + 1)
    group.add(500)
    group.answer(up_to=10)
    report = group.until(scaler, QUARTER_S + 2)

    assert report.decision.workers == 0
    assert report.decision.held == "closed until 08:30"
    assert report.lanes["documents"].waiting_records == 2_000
    assert report.lanes["documents"].waiting_seconds == pytest.approx(1, abs=1)


def test_how_long_the_rest_has_waited_is_told_apart_from_what_is_due():
    group = Group()
    group.add(10)
    scaler = group.scaler()
    group.until(scaler, QUARTER_S + 5)
    group.add(500)
    load = group.until(scaler, QUARTER_S + 35).lanes["documents"]

    assert (load.lag_records, load.waiting_records) == (40, 2_000)
    assert load.waiting_seconds == pytest.approx(30, abs=10)


def test_a_partition_that_stands_still_in_a_window_is_stuck():
    group = _open()
    report = group.until(group.scaler(), QUARTER_S + 200)

    assert len(report.stuck) == 4


def test_a_scaler_that_begins_in_a_window_keeps_its_workers_to_the_end():
    group = _open()
    group.answer(up_to=5_900)
    scaler = group.scaler()
    during = group.take(scaler)
    group.answer()

    assert during.decision.workers == 2
    assert group.take(scaler).decision.workers == 0


def test_a_window_that_nobody_came_for_is_served_late():
    group = _open()
    group.workers = 0

    assert group.take(group.scaler()).decision.workers == 4


def test_with_skip_a_window_that_nobody_came_for_waits_for_the_next():
    group = _open(lane={"missed": "skip"})
    group.workers = 0

    assert group.take(group.scaler()).decision.workers == 0
    group.workers = 1
    assert group.take(group.scaler()).decision.workers > 0


def test_at_most_ends_it():
    group = _open(lane={"at_most": "2min"})
    scaler = group.scaler()

    assert group.until(scaler, QUARTER_S + 119).decision.workers == 4
    assert group.until(scaler, QUARTER_S + 120).decision.workers == 0


def test_what_is_unknown_of_the_moment_holds_the_number():
    group = _open()
    group.is_known = False
    scaler = group.scaler()
    report = group.until(scaler, QUARTER_S + 60)

    assert (report.decision.workers, report.known) == (2, False)
    assert report.stuck == {}
    group.is_known = True
    assert group.take(scaler).known


def test_an_unknown_offset_holds_the_number():
    group = _open()
    scaler = group.scaler()
    group.take(scaler)
    seen = group.look()
    unknown = seen._replace(partitions={**seen.partitions, (TOPIC, 0): Offsets(0, None, None)})

    assert scaler.take(unknown, 2).decision.workers == 4
    assert scaler.take(seen._replace(partitions={}), 2).decision.workers == 4


# Clocks


def test_a_producer_whose_clock_is_ahead_hides_nothing_from_who_was_there():
    group = Group()
    group.add(1, ahead_s=HOUR_S)
    group.add(99)
    scaler = group.scaler()

    assert group.until(scaler, QUARTER_S + 1).decision.workers == 1
    assert group.take(group.scaler()).decision.workers == 0, "who comes later waits for the next"


def test_what_came_too_late_for_the_workers_keeps_them_for_seconds():
    group = Group()
    group.add(100)
    group.pass_s(QUARTER_S - 61)
    group.add(1)  # a second before the moment, and on its way while workers look where the log ends
    group.pass_s(2)
    group.workers = 1
    scaler = group.scaler()
    group.take(scaler)
    group.answer(up_to=100)

    assert group.until(scaler, QUARTER_S + 10).decision.workers == 1
    assert group.until(scaler, QUARTER_S + 12).decision.workers == 0
    assert group.until(scaler, QUARTER_S + 60).decision.workers == 0
    assert group.until(scaler, 2 * QUARTER_S).decision.workers == 1, "it is served at the next"


def test_what_came_at_the_last_second_is_waited_for_until_workers_are_there():
    group = Group()
    group.pass_s(QUARTER_S - 61)
    group.add(1)
    scaler = group.scaler()
    for _ in range(60):
        group.pass_s(1)
        report = group.take(scaler)

    assert report.decision.workers == 1


def test_a_clock_that_is_set_ahead_finds_the_last_moment_that_it_passed():
    group = Group()
    group.add(10)
    scaler = group.scaler()
    group.take(scaler)
    group.pass_s(1, steps=HOUR_S)

    assert group.take(scaler).decision.workers == 1


def test_a_clock_that_is_set_back_makes_nothing_due():
    group = Group()
    group.add(10)
    scaler = group.scaler()
    group.until(scaler, QUARTER_S + 1)
    group.answer()
    group.add(10)
    group.pass_s(1, steps=-HOUR_S)

    assert group.take(scaler).decision.workers == 0


_STEPS = st.lists(
    st.tuples(
        st.sampled_from([1, 3, 20, 300, 890]),
        st.sampled_from(["nothing", "come", "answer"]),
        st.sampled_from([0.0, 0.0, 0.0, -HOUR_S, HOUR_S]),
    ),
    max_size=30,
)


@given(_STEPS, st.integers(0, 20))
def test_two_that_look_say_the_same_of_what_is_due_whenever_they_began(steps, begins):
    group = Group(partitions=3, catch_up="2s")
    group.workers = 1
    first, second, is_set_back = group.scaler(), None, False
    for number, (seconds, what, jump_s) in enumerate(steps):
        group.pass_s(seconds, steps=jump_s)
        is_set_back = is_set_back or jump_s < 0
        if number == begins:
            second = group.scaler()
        lanes = [group.take(each).lanes["documents"] for each in (first, second) if each]
        # After that, timestamps are of a time to come, and who was there has seen what they hide.
        assert is_set_back or len({lane.closed_until for lane in lanes}) == 1
        assert lanes[0].closed_until is None or lanes[-1].closed_until is not None
        if what == "come" and group.at_s % QUARTER_S < QUARTER_S - 20:  # so nothing is in doubt
            group.add(200)
        if what == "answer":
            group.answer()


# Beside lanes that are always open


def test_an_urgent_lane_has_its_workers_beside_the_window_and_keeps_them_after_it():
    group = Group(urgent=8, catch_up="60s")
    scaler = group.scaler()
    group.add(6_000)
    numbers = {}
    while group.at_s < QUARTER_S + 90:
        group.answer(URGENT)
        group.add(20, URGENT)  # 160 records/s: two workers
        numbers[group.at_s] = group.until(scaler, group.at_s + 1).decision.workers
        if group.at_s == QUARTER_S + 60:
            group.answer()

    assert numbers[QUARTER_S - 60] == 2
    assert numbers[QUARTER_S + 30] == 6
    assert numbers[QUARTER_S + 61] == 2


def test_workers_that_wait_for_work_serve_the_window():
    group = Group(urgent=8, min_workers=4)
    group.add(3_000)

    assert group.until(group.scaler(), QUARTER_S + 1).decision.workers == 4


def test_an_urgent_lane_that_hardly_keeps_a_worker_busy_costs_a_window_no_other():
    group = Group(urgent=8, min_workers=1)
    scaler = group.scaler()
    group.add(1_000)  # 4,000 in all: 40 s of one worker
    numbers = set()
    while group.at_s < QUARTER_S + 30:
        group.answer(URGENT)
        group.add(1, URGENT)
        numbers.add(group.until(scaler, group.at_s + 2).decision.workers)

    assert numbers == {1}
