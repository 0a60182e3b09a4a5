"""Bursts, and what their replies say."""

import numpy as np
import pytest

from config.load import load
from loadtest.office_hours.documents import CONFIG
from loadtest.tune import bursts
from loadtest.tune.bursts import Answered, Burst
from loadtest.tune.fit import BatchRun
from tests.unit.loadtest.runs import answer, made_plan, recorded, seen


def _answered(rows):
    """Each of `rows`: burst, batch rows, run, wait, latency."""
    columns = list(zip(*rows, strict=True))
    kinds = (np.int32, np.int32, np.float64, np.float64, np.float64)
    return Answered(*(np.array(each, kind) for each, kind in zip(columns, kinds, strict=True)))


def _probed(single_s, most_s):
    probed = bursts.probe(8)
    return probed, _answered(
        [(0, 1, 0.1, 0.05, single_s), (1, 1, 0.1, 0.05, single_s), (2, 8, 0.2, 0.05, most_s)]
    )


def test_sizes_are_powers_and_their_middles():
    assert bursts.sizes_up_to(10) == [1, 2, 3, 4, 6, 8, 10]


def test_what_replies_say_is_read_by_burst():
    recorder = recorded(made_plan(4))
    said = {"batch_rows": "2", "stages": "broker=10;wait=20000;run=3000"}
    answer(recorder, np.array([0.1, 0.1, np.nan, np.nan]), **said)
    answer(recorder, np.array([np.nan, np.nan, 0.2, np.nan]))
    run = seen(recorder)
    answered = bursts.answered(run.stages, run.records.latency_s, np.array([5, 5, 6, 6], np.int32))
    assert answered.burst.tolist() == [5, 5]
    assert answered.latency_s == pytest.approx([0.1, 0.1])
    assert (answered.wait_s.tolist(), answered.run_s.tolist()) == ([0.02, 0.02], [0.003, 0.003])
    assert bursts.runs(answered) == [BatchRun(2, 0.003)]


def test_replies_of_one_batch_are_one_run():
    answered = _answered([(0, 2, 0.1, 0.05, 0.2), (0, 2, 0.1, 0.05, 0.2), (1, 1, 0.2, 0.0, 0.3)])
    assert bursts.runs(answered) == [BatchRun(2, 0.1), BatchRun(1, 0.2)]


def test_replies_that_do_not_say_are_no_run():
    assert not bursts.runs(_answered([(0, 0, 0.1, 0.05, 0.2), (0, 2, np.nan, np.nan, 0.2)]))


def test_the_daemon_cuts_no_batch_that_is_to_be_measured_whole():
    whole = bursts.whole_batches(["day", "night"])
    loaded = load(CONFIG, {}, [f"{key}={value}" for key, value in whole.items()])
    assert {lane.patience for lane in loaded.settings.lanes.values()} == {3600.0}


def test_what_is_neither_waiting_nor_running_is_overhead():
    answered = _answered([(0, 1, 0.1, 0.05, 0.18), (1, 1, np.nan, np.nan, 9.0)])
    assert answered.overhead_s == pytest.approx(0.03)


def test_a_request_has_as_many_rows_as_run_when_it_is_alone():
    probed = [Burst(0.0, 1), Burst(1.0, 1), Burst(2.0, 4)]
    answered = _answered([(0, 3, 0.1, 0.0, 0.1), (1, 3, 0.1, 0.0, 0.1), (2, 12, 0.1, 0.0, 0.1)])
    assert bursts.request_rows(probed, answered) == 3


def test_bursts_are_far_enough_apart_to_run_alone():
    made = bursts.ladder(*_probed(0.1, 0.9), 8, seed=1)
    gaps_s = np.diff([burst.at_s for burst in made])
    for burst, gap_s in zip(made, gaps_s.tolist(), strict=False):
        assert gap_s > 0.1 + 0.1 * burst.requests


def test_bursts_of_a_slow_lane_are_fewer():
    many, few = (bursts.ladder(*_probed(each, 2 * each), 8, seed=1) for each in (0.05, 5.0))
    assert {burst.requests for burst in many} == {1, 2, 3, 4, 6, 8}
    assert {burst.requests for burst in few} == {1, 2, 4, 8}
    assert len(few) == 12
    assert bursts.took_s(many) < 45


def test_sizes_come_in_mixed_order():
    sizes = [burst.requests for burst in bursts.ladder(*_probed(0.05, 0.1), 8, seed=1)]
    assert sizes != sorted(sizes)
