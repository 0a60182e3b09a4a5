"""When a lane opens so that what waits is answered by a time."""

import math
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.windows.bringing_forward import BringingForward
from daemon.windows.ready_by import LONGEST, Opening, slack_s
from daemon.windows.schedule import Schedule
from daemon.windows.window import Standing, Window

HOUR_S = 3_600.0
START_S = 1_800_000_000.0  # a full hour, UTC
MARGIN_S = 60.0
TIME_S = START_S + HOUR_S
LAST_S = TIME_S - MARGIN_S
HOURS = Schedule([], "UTC", ready_by=["0 * * * *"], margin_s=MARGIN_S)
A, B, C = (("documents", number) for number in range(3))


def _berlin_s(text):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp()


# The moments


def test_the_last_moment_for_a_time_is_a_margin_before_it():
    assert HOURS.after(START_S) == LAST_S
    assert HOURS.after(LAST_S) == LAST_S + HOUR_S
    assert HOURS.up_to(LAST_S) == LAST_S
    assert HOURS.up_to(LAST_S - 1) == LAST_S - HOUR_S


@pytest.mark.parametrize("margin_s", [0.25, 0.5, 1.0])
def test_moments_are_whole_seconds_whatever_the_margin(margin_s):
    schedule = Schedule([], "UTC", ready_by=["0 * * * *"], margin_s=margin_s)

    assert schedule.after(START_S) == TIME_S - 1
    assert schedule.ready_by.of(TIME_S - 1, None) == TIME_S


def test_scheduled_moments_and_last_ones_are_a_union():
    schedule = Schedule(["20 * * * *"], "UTC", ready_by=["0 * * * *"], margin_s=MARGIN_S)

    assert schedule.after(START_S) == START_S + 1_200
    assert schedule.after(START_S + 1_200) == LAST_S
    assert schedule.up_to(LAST_S - 1) == START_S + 1_200


def test_an_opening_takes_the_place_of_the_last_moment_for_its_time():
    opening = Opening(TIME_S, START_S + 600)

    assert HOURS.up_to(START_S + 600, opening) == START_S + 600
    assert HOURS.up_to(LAST_S + 1, opening) == START_S + 600
    assert HOURS.after(START_S + 600, opening) == LAST_S + HOUR_S
    assert HOURS.up_to(LAST_S + HOUR_S, opening) == LAST_S + HOUR_S


def test_one_that_is_for_no_time_takes_the_place_of_none():
    opening = Opening.for_no_time(START_S + 600)

    assert HOURS.up_to(START_S + 600, opening) == START_S + 600
    assert HOURS.after(START_S + 600, opening) == LAST_S
    assert HOURS.ready_by.of(START_S + 600, opening) is None


def test_times_come_as_clocks_show_them_when_those_are_changed():
    mornings = Schedule([], "Europe/Berlin", ready_by=["30 7 * * *"], margin_s=MARGIN_S)

    assert mornings.after(_berlin_s("2027-03-27T12:00")) == _berlin_s("2027-03-28T07:29")
    assert mornings.after(_berlin_s("2027-10-30T12:00")) == _berlin_s("2027-10-31T07:29")


moments_s = st.integers(int(START_S) - 90_000, int(START_S) + 90_000).map(float)


@given(moments_s, moments_s, st.sampled_from([0.0, TIME_S, TIME_S + HOUR_S]))
def test_moments_go_forth_and_back_the_same_way(at_s, moment_s, time_s):
    opening = Opening(time_s, min(moment_s, time_s - MARGIN_S) if time_s else moment_s)
    next_s = HOURS.after(at_s, opening)

    assert next_s > at_s
    assert HOURS.up_to(next_s, opening) == next_s
    assert HOURS.up_to(next_s - 1, opening) <= at_s


# Notes


def test_an_opening_is_the_same_when_it_is_read_again():
    opening = Opening(TIME_S, START_S + 7)

    assert Opening.read(opening.text) == opening
    assert len(Opening(1e13, 1e13).text) <= LONGEST


@pytest.mark.parametrize("text", ["", ",", "1", "1,2,3", "a,b", "-1,2", "1.5,2", "9" * 40 + ",1"])
def test_what_is_not_understood_is_no_opening(text):
    assert Opening.read(text) is None


# One worker


class Worker:
    """Its window, with one partition of which so many records wait; a second a record."""

    def __init__(self, at_s=START_S, schedule=HOURS):
        self.window = Window(schedule)
        self.forward = BringingForward(self.window, schedule.ready_by)
        self.wall_s = self.now_s = at_s
        self.position = 0
        self.end = 0
        self.ended = []

    def look(self, serving_s=None):
        takes_s = float(self.end - self.position) if serving_s is None else serving_s
        self.forward.look(lambda: takes_s, self.wall_s)
        standings = {A: Standing(self.position, self.position)}
        self.ended += self.window.look(standings, wall_s=self.wall_s, now_s=self.now_s)
        if self.window.question is not None:
            self.window.found(self.window.question, {A: self.end})
            self.ended += self.window.look(standings, wall_s=self.wall_s, now_s=self.now_s)
        return self.window.is_open

    def pass_s(self, seconds, **known):
        self.wall_s += seconds
        self.now_s += seconds
        return self.look(**known)

    def serve(self):
        self.position = self.end
        return self.look()


@pytest.fixture
def worker():
    made = Worker()
    made.look()
    return made


def test_it_opens_as_long_before_as_serving_takes(worker):
    worker.end = 600

    assert not worker.pass_s(LAST_S - 600 - START_S - 1)
    assert worker.pass_s(1)
    assert worker.forward.opened == Opening(TIME_S, LAST_S - 600)


def test_what_waits_is_reckoned_with_anew_at_every_look(worker):
    worker.end = 600
    worker.pass_s(1_000)
    worker.end = 3_000

    assert worker.pass_s(1)
    assert worker.window.opening.moment_s == START_S + 1_001


def test_it_opens_once_for_a_time_and_then_for_the_next(worker):
    worker.end = 600
    worker.pass_s(LAST_S - 600 - START_S)
    worker.serve()
    worker.end += 10

    assert not worker.pass_s(600)
    assert not worker.pass_s(60)
    assert worker.pass_s(HOUR_S - 70)
    assert worker.forward.opened == Opening(TIME_S + HOUR_S, LAST_S + HOUR_S - 10)
    assert [each.ready_by_s for each in worker.ended] == [TIME_S]


def test_for_nothing_that_waits_it_opens_at_the_last_moment_and_that_is_not_noted(worker):
    worker.pass_s(LAST_S - START_S)

    assert worker.ended[-1].moment_s == LAST_S
    assert worker.forward.opened is None


def test_while_serving_takes_nobody_knows_how_long_it_opens_at_once_as_often_as_anything_waits(
    worker,
):
    for _ in range(3):
        worker.end += 5
        assert worker.pass_s(10, serving_s=math.inf)
        worker.serve()
        assert worker.forward.opened is None
    worker.end += 5
    assert worker.pass_s(LAST_S - worker.wall_s, serving_s=0.0), (
        "the last moment comes all the same"
    )


def test_a_window_that_is_not_over_goes_on_and_its_time_is_the_same(worker):
    worker.end = 600
    worker.pass_s(LAST_S - 600 - START_S)
    worker.forward.hear([Opening(TIME_S, worker.wall_s + 5)], worker.wall_s + 5)

    assert worker.pass_s(5)
    worker.serve()
    assert [(each.outcome, each.ready_by_s) for each in worker.ended] == [("on_time", TIME_S)]


def test_a_scheduled_window_that_is_not_over_is_not_cut_short():
    """What waits is served anyway, and what is left is reckoned with when it is over."""
    schedule = Schedule(["20 * * * *"], "UTC", ready_by=["0 * * * *"], margin_s=MARGIN_S)
    worker = Worker(at_s=START_S + 1_100, schedule=schedule)
    worker.look()
    worker.end = 10
    worker.pass_s(100)
    worker.end = 3_000

    assert worker.pass_s(1, serving_s=3_000.0)
    assert (worker.ended, worker.window.opening) == ([], None)


def test_who_hears_that_the_lane_was_opened_serves_what_was_there_then(worker):
    worker.end = 10
    worker.pass_s(600)
    worker.forward.hear([Opening(TIME_S, START_S + 590)], worker.wall_s)

    worker.wall_s += 1
    assert worker.look()
    assert worker.window.opening.moment_s == START_S + 590


@pytest.mark.parametrize("time_s", [START_S + 60, START_S - HOUR_S, TIME_S + HOUR_S])
def test_notes_for_times_that_are_none_or_long_past_count_for_nothing(worker, time_s):
    worker.end = 10
    worker.pass_s(600)
    worker.forward.hear([Opening(time_s, START_S + 590)], worker.wall_s)

    assert not worker.pass_s(1)
    assert worker.forward.opened is None


def test_a_note_of_a_clock_that_is_ahead_opens_nothing_before_its_moment(worker):
    worker.end = 10
    worker.pass_s(600)
    worker.forward.hear([Opening(TIME_S, START_S + 630)], worker.wall_s)

    assert not worker.pass_s(29)
    assert worker.pass_s(1)


def test_who_was_not_there_opens_late_for_what_had_come_by_the_last_moment():
    worker = Worker(at_s=TIME_S + 300)
    worker.end = 10

    assert worker.look()
    assert (worker.window.ready_by_s, worker.window.left) == (TIME_S, 10)
    worker.serve()
    assert worker.ended[0].moment_s == LAST_S
    assert worker.ended[0].outcome == "late"


@pytest.mark.parametrize("step_s", [-2 * HOUR_S, 2 * HOUR_S])
def test_a_clock_that_is_set_opens_nothing_a_second_time(worker, step_s):
    worker.end = 600
    worker.pass_s(LAST_S - 600 - START_S)
    worker.serve()
    worker.wall_s += step_s
    worker.look()
    worker.wall_s -= step_s
    told = len([each for each in worker.ended if each.moment_s == LAST_S - 600])
    worker.end += 5

    assert not worker.pass_s(300)
    assert told == 1


def test_slack_is_what_is_left_of_the_time_when_all_is_served():
    assert slack_s(TIME_S, 600.0, START_S) == 3_000
    assert slack_s(TIME_S, 600.0, TIME_S - 500) == -100


# Two workers


class Group:
    """Three partitions, two workers who serve a record a second of each, and what commits say."""

    def __init__(self):
        self.log = {partition: [] for partition in (A, B, C)}
        self.committed = dict.fromkeys(self.log, 0)
        self.notes = {}
        self.at_s = START_S + 60
        self.windows = [self._process(), self._process()]
        self.owner = {A: 0, B: 1, C: 0}

    def _process(self):
        window = Window(HOURS)
        return BringingForward(window, HOURS.ready_by)

    def arrive(self, partition, count):
        self.log[partition] += [self.at_s] * count

    def move(self, partition):
        self.owner[partition] = 1 - self.owner[partition]

    def restart(self, worker):
        self.windows[worker] = self._process()

    def pass_s(self, seconds):
        for _ in range(seconds):
            self.at_s += 1
            for number, forward in enumerate(self.windows):
                self._work(forward, [each for each in self.log if self.owner[each] == number])

    def _work(self, forward, mine):
        window = forward.window
        forward.hear([self.notes[each] for each in mine if each in self.notes], self.at_s)
        # Twice as long as it takes: a margin for what comes from others.
        waiting = sum(len(self.log[each]) - self.committed[each] for each in mine)
        forward.look(lambda: 2.0 * waiting, self.at_s)
        for _ in range(2):
            standings = {
                each: Standing(self.committed[each], self.committed[each]) for each in mine
            }
            window.look(standings, wall_s=self.at_s, now_s=self.at_s)
            if (question := window.question) is not None:
                window.found(question, {each: self._end(each, question) for each in mine})
        if forward.opened is not None:
            self.notes.update(dict.fromkeys(mine, forward.opened))
        if window.is_open:
            served = next(each for each in mine if self.committed[each] < len(self.log[each]))
            self.committed[served] += 1

    def _end(self, partition, question):
        log = self.log[partition]
        if question.as_of_s is None:
            return len(log)
        return sum(each_s < question.as_of_s for each_s in log)


partitions = st.sampled_from([A, B, C])
arrivals = st.tuples(st.just("arrive"), partitions, st.integers(1, 60))
moves = st.tuples(st.just("move"), partitions)
restarts = st.tuples(st.just("restart"), st.sampled_from([0, 1]))


@settings(max_examples=50)  # a quarter of an hour of two workers
@given(st.lists(st.tuples(st.one_of(arrivals, moves, restarts), st.integers(0, 120)), max_size=6))
def test_whoever_serves_it_all_that_came_before_the_opening_is_answered_in_time(events):
    group = Group()
    group.pass_s(60)
    group.at_s = TIME_S - 900
    for (name, *arguments), pause_s in events:
        getattr(group, name)(*arguments)
        group.pass_s(min(pause_s, max(0, int(TIME_S - group.at_s))))
    group.pass_s(max(0, int(TIME_S - group.at_s)))

    for partition, log in group.log.items():
        opened_s = group.notes[partition].moment_s if partition in group.notes else LAST_S
        before = sum(each_s < opened_s for each_s in log)
        assert group.committed[partition] >= before
