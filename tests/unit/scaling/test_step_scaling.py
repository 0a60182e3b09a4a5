"""How the number of workers is felt for while it is not known what one serves."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.settings import Scaling
from daemon.scaling.step_scaling import StepScaling
from tests.unit.scaling.loads import load

START_S = 15.0
WINDOW_S = 120.0
BATCHING_S = 2.0
PATIENCE_S = START_S + BATCHING_S
PARTITIONS = 24


class Group:
    """Workers who serve `rate` records/s each, of what arrives; looked at once a second."""

    def __init__(self, *, rate, arrival_rate, running=1, waiting=0.0):
        self.steps = StepScaling(Scaling())
        self.rate, self.arrival_rate, self.waiting = rate, arrival_rate, waiting
        self.running = self.serving = running
        self.now = 0.0
        self.joins_s = []
        self.changes = []
        """(time, number) whenever it changed."""

    def pass_s(self, seconds):
        for _ in range(int(seconds)):
            self.now += 1
            self.serving += sum(each == self.now for each in self.joins_s)
            self.waiting += self.arrival_rate
            self.waiting -= min(self.waiting, self.serving * self.rate)
            self._follow()
        return self.running

    def _follow(self):
        in_flight = self.arrival_rate * BATCHING_S
        seen = load(
            arrival_rate=self.arrival_rate,
            lag=math.floor(self.waiting + in_flight),
            lagging=PARTITIONS,
            batching_s=BATCHING_S,
            service_rate=None,
        )
        wanted = self.steps.workers(seen, self.running, self.now)
        if wanted != self.running:
            self.changes.append((self.now, wanted))
        self.joins_s += [self.now + START_S] * (wanted - self.running)
        if wanted < self.running:
            self.serving = wanted
            self.joins_s = []
        self.running = wanted


def test_one_more_comes_when_those_who_serve_fall_behind():
    group = Group(rate=10.0, arrival_rate=15.0, waiting=1_000.0)

    assert group.pass_s(START_S + PATIENCE_S) == 1
    assert group.pass_s(2) == 2


def test_the_next_comes_only_when_the_last_could_serve():
    group = Group(rate=10.0, arrival_rate=25.0, waiting=1_000.0)
    group.pass_s(200)
    steps_s = [at_s for at_s, _ in group.changes]

    assert [number for _, number in group.changes] == [2, 3]
    assert steps_s[1] - steps_s[0] >= START_S + PATIENCE_S


def test_what_gathers_until_the_first_one_serves_is_no_reason_for_another():
    group = Group(rate=100.0, arrival_rate=60.0, running=0)

    assert group.pass_s(300) == 1
    assert group.changes == [(1.0, 1)]


def test_what_is_answered_before_another_could_come_is_no_reason_for_one():
    """A worker takes 15 s to come; what waits for 10 s and never less is what runs take."""
    steps = StepScaling(Scaling())
    lags = [220, 240] * 300

    for now, lag in enumerate(lags):
        seen = load(arrival_rate=20.0, lag=lag, batching_s=0.5, service_rate=None)
        assert steps.workers(seen, 1, float(now)) == 1


@pytest.mark.parametrize(("running", "then"), [(2, 1), (5, 4), (6, 4), (20, 16)])
def test_a_fifth_goes_after_a_window_in_which_nothing_waited_long(running, then):
    group = Group(rate=10.0, arrival_rate=2.0, running=running)

    assert group.pass_s(WINDOW_S) == running
    assert group.pass_s(2) == then


def test_what_waits_long_keeps_all():
    group = Group(rate=10.0, arrival_rate=30.0, running=3, waiting=600.0)

    assert group.pass_s(3_600) >= 3


def test_a_trial_that_failed_is_not_repeated_before_twice_as_long():
    group = Group(rate=10.0, arrival_rate=15.0, running=2)
    group.pass_s(4 * 3_600)
    trials_s = [at_s for at_s, number in group.changes if number == 1]
    pauses_s = [later - earlier for earlier, later in pairwise(trials_s)]

    assert len(trials_s) <= 8
    assert pauses_s == sorted(pauses_s)
    assert pauses_s[-1] >= 8 * WINDOW_S


def test_a_trial_that_succeeded_lets_the_next_be_after_one_window():
    group = Group(rate=10.0, arrival_rate=15.0, running=2)
    group.pass_s(2_000)
    group.arrival_rate = 2.0

    assert group.pass_s(32 * WINDOW_S) == 1


def test_from_none_it_begins_anew():
    group = Group(rate=10.0, arrival_rate=15.0, running=2)
    group.pass_s(2_000)
    group.running = group.serving = 0
    group.steps.workers(load(service_rate=None), 0, group.now)
    group.running = group.serving = 2
    began_s = group.now
    group.pass_s(WINDOW_S + 2)

    assert group.changes[-1] == (pytest.approx(began_s + WINDOW_S, abs=2), 1)


rates = st.floats(0.5, 200.0)


@settings(max_examples=40)  # hours of a group, a second at a time
@given(rates, st.floats(0.0, 0.8), st.integers(1, 12), st.integers(0, 500))
def test_whoever_is_too_many_goes_in_the_end(rate, load_of_one, running, waiting):
    group = Group(
        rate=rate, arrival_rate=rate * load_of_one, running=running, waiting=float(waiting)
    )
    group.pass_s(waiting / rate + 14 * WINDOW_S)

    assert group.running == 1


@settings(max_examples=40)
@given(rates, st.floats(0.1, 6.0), st.integers(0, 8))
def test_it_always_serves_what_arrives(rate, load_of_one, running):
    group = Group(rate=rate, arrival_rate=rate * load_of_one, running=running)
    worst_s = 0.0
    for _ in range(60):
        group.pass_s(60)
        worst_s = max(worst_s, group.waiting / group.arrival_rate)
        assert 1 <= group.running <= PARTITIONS

    assert worst_s <= 6 * (START_S + PATIENCE_S)
    assert len(group.changes) <= 40
