"""Hours of two workers, whose clocks are set, machines sleep, processes end, partitions move."""

import math
from bisect import bisect_left

from hypothesis import given
from hypothesis import strategies as st

from daemon.windows.schedule import Schedule
from daemon.windows.window import Standing, Window

MINUTES = Schedule(["* * * * *"], "UTC")
START_S = 1_800_000_000.0
AT_ONCE = 3  # records of a partition that one fetch brings
PARTITIONS = [("documents", number) for number in range(3)]
STEP_S = 7_200.0


class Process:
    """One life of a worker: its window, and how far its partitions are."""

    def __init__(self, group):
        self.window = Window(MINUTES)
        self.group = group
        self.standings = {}
        self.opened = []
        self.overtaken = 0

    def take(self, partition):
        committed = self.group.committed[partition]
        self.standings[partition] = Standing(committed, committed)

    def look(self, wall_s, now_s):
        ended = self.window.look(self.standings, wall_s=wall_s, now_s=now_s)
        self.opened += [each.moment_s for each in ended if each.outcome != "missed"]
        if (question := self.window.question) is not None:
            ends = {each: self.group.end(each, question.as_of_s) for each in question.partitions}
            self.window.found(question, ends)
            return
        if self.window.is_open:
            self.fetch()
        else:
            self.settle()

    def fetch(self):
        for partition, (position, _) in self.standings.items():
            end = min(position + AT_ONCE, len(self.group.logs[partition]))
            self.standings[partition] = Standing(end, position)
            self.group.committed[partition] = position

    def settle(self):
        for partition, (position, _) in self.standings.items():
            self.standings[partition] = Standing(position, position)
            self.group.committed[partition] = position


class Group:
    """Logs, commits and two workers; time goes on by the second."""

    def __init__(self):
        self.logs = {partition: [] for partition in PARTITIONS}
        self.committed = dict.fromkeys(PARTITIONS, 0)
        self.true_s = 0.0
        self.set_s = [0.0, 0.0]
        self.slept_s = [0.0, 0.0]
        self.sleeps_until_s = [-1.0, -1.0]
        self.processes = [Process(self), Process(self)]
        for number, partition in enumerate(PARTITIONS):
            self.processes[number % 2].take(partition)

    def end(self, partition, at_s):
        log = self.logs[partition]
        return len(log) if at_s is None else bisect_left(log, at_s - START_S)

    def arrive(self, partition, count):
        self.logs[partition] += [self.true_s] * count

    def move(self, partition):
        for process in self.processes:
            if partition in process.standings:
                del process.standings[partition]
            else:
                process.take(partition)

    def restart(self, worker):
        again = Process(self)
        for partition in self.processes[worker].standings:
            again.take(partition)
        self.processes[worker] = again

    def suspend(self, worker, seconds):
        self.sleeps_until_s[worker] = self.true_s + seconds
        self.slept_s[worker] += seconds

    def pass_s(self, seconds):
        for _ in range(seconds):
            self.true_s += 1.0
            for worker, process in enumerate(self.processes):
                if self.true_s > self.sleeps_until_s[worker]:
                    wall_s = START_S + self.true_s + self.set_s[worker]
                    process.look(wall_s, self.true_s - self.slept_s[worker])


workers = st.sampled_from([0, 1])
partitions = st.sampled_from(PARTITIONS)
arrivals = st.tuples(st.just("arrive"), partitions, st.integers(1, 20))
moves = st.tuples(st.just("move"), partitions)
restarts = st.tuples(st.just("restart"), workers)
suspends = st.tuples(st.just("suspend"), workers, st.integers(1, 400))
steps = st.tuples(st.just("step"), workers, st.sampled_from([-STEP_S, -0.5, 3.0, STEP_S]))
pauses = st.integers(0, 90)


def _happens(group, event):
    name, *arguments = event
    if name == "step":
        worker, seconds = arguments
        group.set_s[worker] += seconds
    else:
        getattr(group, name)(*arguments)


@given(st.lists(st.tuples(st.one_of(arrivals, moves, restarts, suspends), pauses), max_size=12))
def test_all_that_a_moment_finds_is_answered_before_long(events):
    group = Group()
    for event, pause_s in events:
        _happens(group, event)
        group.pass_s(pause_s)
    last_s = max([group.true_s, *group.sleeps_until_s])
    waiting = {partition: len(log) for partition, log in group.logs.items()}

    group.pass_s(math.ceil(last_s - group.true_s) + 60 + 100)

    assert all(group.committed[each] >= end for each, end in waiting.items())


@given(st.lists(st.tuples(st.one_of(arrivals, steps, moves, suspends), pauses), max_size=10))
def test_no_moment_opens_twice_in_a_process_wherever_its_clock_is_set(events):
    group = Group()
    for event, pause_s in events:
        _happens(group, event)
        group.pass_s(pause_s)
    group.pass_s(60)

    for process in group.processes:
        assert len(process.opened) == len(set(process.opened))


@given(st.lists(st.tuples(st.one_of(arrivals, moves, restarts), pauses), max_size=12))
def test_a_lane_whose_last_moment_is_served_is_shut(events):
    group = Group()
    for event, pause_s in events:
        _happens(group, event)
        for _ in range(pause_s):
            group.pass_s(1)
            wall_s = group.true_s
            if wall_s % 60 < 3:
                continue  # targets are being taken, or were a moment ago
            moment_s = wall_s - wall_s % 60
            for process in group.processes:
                due = any(
                    standing.settled < bisect_left(group.logs[partition], moment_s + 1)
                    for partition, standing in process.standings.items()
                )
                assert due or not process.window.is_open


@given(st.lists(st.tuples(steps, pauses), max_size=4), arrivals)
def test_however_clocks_were_set_all_is_answered_once_they_have_come_past_it(events, arrival):
    group = Group()
    for event, pause_s in events:
        _happens(group, event)
        group.pass_s(pause_s)
    _happens(group, arrival)
    group.true_s += (
        8 * STEP_S
    )  # beyond the furthest moment that a clock has shown, and nobody looks
    group.pass_s(200)

    assert all(group.committed[each] == len(log) for each, log in group.logs.items())
