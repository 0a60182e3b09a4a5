"""Workers in the replay serve, start, stop and share as they should."""

import numpy as np
import pytest

from studies.scaling.fleet import Fleet
from studies.scaling.patterns import STEP_S
from studies.scaling.site import Site

SITE = Site()


class Played:
    """One rule's fleet, with records that are there from the start or come at a rate."""

    def __init__(self, site=SITE):
        self.site = site
        self.fleet = Fleet(1, site)
        self.now = 0.0
        self.arrived = np.zeros(site.partitions, dtype=np.int64)

    def run(self, seconds, a_second=0):
        """Let time pass; `a_second` records come at each partition."""
        for _ in range(round(seconds / STEP_S)):
            self.now += STEP_S
            self.arrived = self.arrived + round(a_second * STEP_S)
            self.fleet.step(self.arrived, self.now)
        return float(self.fleet.done.sum())

    def served(self, seconds, a_second=0):
        before = self.run(0)
        return self.run(seconds, a_second) - before

    def resize(self, workers):
        self.fleet.resize(0, workers, self.now)


@pytest.fixture
def played():
    return Played()


def busy(played, workers):
    """`workers` of them run and have more than enough to do."""
    played.arrived = played.arrived + 1_000_000
    played.resize(workers)
    played.run(played.site.start_s + played.site.stall_s + 2)
    return played


def test_a_busy_worker_serves_full_batches(played):
    assert busy(played, 1).served(640) == pytest.approx(100 * 640, rel=0.01)


def test_workers_with_equal_shares_serve_alike(played):
    assert busy(played, 8).served(64) == pytest.approx(800 * 64, rel=0.02)


def test_the_largest_share_holds_the_others_up(played):
    """7 workers of 24 partitions: three have 4, and cannot keep up with 4 * 28 records/s."""
    played.resize(7)
    played.run(30)
    played.run(240, a_second=28)

    behind = played.arrived - played.fleet.done[0]

    assert sum(behind > 400) == 4 * 3
    assert sum(behind < 120) == 3 * 4


def test_a_worker_serves_once_it_started_and_the_group_is_dealt_anew(played):
    played.arrived += 1000
    played.resize(1)

    assert played.run(SITE.start_s + SITE.stall_s) == 0
    assert played.run(1.5) == pytest.approx(SITE.max_rows * 2)


def test_everybody_stands_still_when_one_joins(played):
    busy(played, 2)
    played.resize(3)
    played.run(SITE.start_s)

    assert played.served(SITE.stall_s) <= 2 * SITE.max_rows


def test_everybody_stands_still_when_one_leaves(played):
    busy(played, 3)
    played.resize(2)

    assert played.served(SITE.stall_s) <= 3 * SITE.max_rows
    assert played.served(64) == pytest.approx(200 * 64, rel=0.03)


def test_a_batch_that_is_not_full_runs_after_its_linger(played):
    played.resize(1)
    played.run(30)
    played.arrived[0] += 10

    assert played.run(SITE.linger_s) == 0
    assert played.run(SITE.linger_s) == pytest.approx(10)


def test_a_small_batch_costs_what_any_run_costs():
    """20 records at a time take 0.42 s of a worker instead of 0.2."""
    played = Played(Site(partitions=1, linger_s=0.25))
    played.resize(1)
    played.run(30)
    played.run(60, a_second=40)

    assert played.arrived.sum() - played.fleet.done.sum() < 80
    assert played.fleet._free_s[0] - played.now > -0.25


def test_those_that_start_go_first(played):
    busy(played, 2)
    played.resize(5)
    played.resize(3)

    assert played.fleet.members == [2]
    assert played.served(SITE.start_s) > 190 * SITE.start_s
    assert played.fleet.members == [3]


def test_those_that_run_go_when_nobody_starts(played):
    busy(played, 3)
    played.resize(5)
    played.resize(1)
    played.run(2 * SITE.start_s)

    assert played.fleet.members == [1]
    assert played.fleet.workers == [1]


def test_nobody_serves_without_workers(played):
    busy(played, 1)
    played.resize(0)
    played.run(1)

    assert played.served(100) == 0


def test_no_record_is_answered_twice_or_before_it_came(played):
    for workers in (3, 9, 2, 24, 1, 13):
        played.resize(workers)
        before = played.fleet.done.copy()
        played.run(25, a_second=12)
        assert (played.fleet.done <= played.arrived + 1e-6).all()
        assert (played.fleet.done >= before).all()


def test_t_counts_from_when_a_record_came_though_nobody_was_there():
    patient = Played(Site(linger_s=300.0))
    patient.arrived = patient.arrived + np.eye(1, SITE.partitions, dtype=np.int64)[0]
    patient.run(290 - SITE.start_s)
    patient.resize(1)

    assert patient.run(24) == 0
    assert patient.run(3) == 1


def test_of_a_lane_that_is_to_be_ready_by_a_time_only_what_was_there_when_it_opened_is_served():
    ready = Played(Site(ready_every_s=3600))
    ready.resize(1)
    ready.arrived = ready.arrived + 2
    assert ready.run(60) == 0

    ready.fleet.open(0, ready.arrived)
    assert ready.run(60, a_second=4) == 2 * SITE.partitions


def test_an_urgent_lane_does_not_wait_for_what_gathers_beside_it():
    beside = Played(Site(linger_s=300.0, urgent=12))
    beside.resize(1)
    beside.run(SITE.start_s + SITE.stall_s + 1)
    beside.arrived = beside.arrived + 1
    beside.run(5)

    assert beside.fleet.done[0].tolist() == [0] * 12 + [1] * 12


def test_lanes_take_turns_where_both_have_a_batch_due():
    played = Played(Site(urgent=12))
    both = busy(played, 1).fleet.done[0]
    before = both.copy()
    played.run(64)

    served = played.fleet.done[0] - before
    assert sum(served[:12]) == pytest.approx(sum(served[12:]), rel=0.05)


def test_each_worker_has_its_part_of_each_lane():
    played = Played(Site(urgent=12))
    played.resize(2)
    played.run(30)
    owners = played.fleet._owner[0]

    assert [sum(owners[:12] == worker) for worker in (0, 1)] == [6, 6]
    assert [sum(owners[12:] == worker) for worker in (0, 1)] == [6, 6]
