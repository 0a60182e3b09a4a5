"""How long serving what waits takes beside lanes that want the same workers."""

import math
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.scaling.serving_beside import OtherLane, Others, serving_beside_s
from daemon.scaling.serving_time import Means
from daemon.scaling.window_need import Beside

NOW_S = 1_000_000.0
UNTIL_S = NOW_S + 10_000.0
ONE = Means(1, rate=10.0, utilisation=1.0)
STEP_S = 5.0


def takes_s(*lanes, arriving=0.0, turns=0.5, waiting=1_000):
    """What so many take, `arriving` keeping that part of a worker busy."""
    others = Others(turns, Beside(arriving, 1), lanes)
    return serving_beside_s([waiting], ONE, others, until_s=UNTIL_S)


def test_alone_it_is_what_waits_over_the_rate():
    assert serving_beside_s([600, 400], ONE, Others(1.0), until_s=UNTIL_S) == 100


def test_what_arrives_takes_its_part_but_for_the_turns_of_the_lane():
    assert takes_s(arriving=0.2) == pytest.approx(125)
    assert takes_s(arriving=0.9, turns=0.25) == pytest.approx(400)
    assert takes_s(arriving=3.0, turns=0.25) == pytest.approx(400)


def test_of_several_workers_the_one_with_most_of_what_arrives_decides():
    two = ONE._replace(workers=2)
    others = Others(0.1, Beside(1.0, 3))

    assert serving_beside_s([500, 500], two, others, until_s=UNTIL_S) == pytest.approx(150)


@pytest.mark.parametrize(
    ("opens_s", "is_forward", "counts"),
    [
        (-math.inf, False, True),
        (UNTIL_S - 1, False, True),
        (UNTIL_S, False, False),
        (UNTIL_S + 200, True, True),
        (UNTIL_S + 700, True, False),
    ],
)
def test_what_waits_counts_of_lanes_that_may_be_open_before_the_time(opens_s, is_forward, counts):
    """All that waits takes one worker 150 s, and 300 in every second turn."""
    other = OtherLane(opens_s, [500], is_forward)

    assert takes_s(other) == (150 if counts else 100)


class Lane(NamedTuple):
    """By `at_s` it is to be ready (`is_ready`), or it opens at that moment; -inf: it is open."""

    waiting: int
    at_s: float
    is_ready: bool

    @property
    def seen(self):
        return OtherLane(self.at_s, [self.waiting], self.is_ready)


def opens_s(lane, lanes, arriving, turns):
    """When it opens, by what it knows of the others."""
    if not lane.is_ready:
        return lane.at_s
    others = Others(turns, Beside(arriving, 1), [each.seen for each in lanes if each is not lane])
    return lane.at_s - serving_beside_s([lane.waiting], ONE, others, until_s=lane.at_s)


def done_s(lane, lanes, arriving, turns):
    """When it is served if all others come first, but for its turns."""
    opens = [opens_s(each, lanes, arriving, turns) for each in lanes]
    left = {id(each): float(each.waiting) for each in lanes}
    at_s = min(opens)
    while left[id(lane)] > 1e-6:
        able = ONE.rate * STEP_S
        free = able * max(1.0 - arriving, 0.0)
        is_open = opens[lanes.index(lane)] <= at_s + 1e-6
        mine = able * turns if is_open else 0.0
        for each, each_s in zip(lanes, opens, strict=True):
            if each is not lane and each_s <= at_s + 1e-6:
                served = min(left[id(each)], max(free - mine, 0.0) if is_open else free)
                left[id(each)] -= served
                free -= served
        left[id(lane)] -= max(free, mine) if is_open else 0.0
        at_s += STEP_S
    return at_s


lanes = st.builds(
    Lane,
    st.integers(1, 3_000),
    st.integers(0, 6_000).map(lambda ahead_s: NOW_S + ahead_s),
    st.booleans(),
)


@settings(max_examples=60)
@given(st.lists(lanes, min_size=1, max_size=4), st.floats(0.0, 1.5), st.integers(1, 6))
def test_whichever_lane_is_served_first_each_is_ready_by_its_time(together, arriving, weight):
    turns = 1 / (weight + len(together))

    for lane in together:
        if lane.is_ready:
            assert done_s(lane, together, arriving, turns) <= lane.at_s + 2 * STEP_S


@given(st.lists(lanes, max_size=4), st.floats(0.0, 0.9), st.integers(1, 3_000))
def test_more_beside_it_never_takes_less(beside, arriving, waiting):
    some = takes_s(*[each.seen for each in beside[1:]], arriving=arriving / 2, waiting=waiting)
    more = takes_s(*[each.seen for each in beside], arriving=arriving, waiting=waiting)

    assert takes_s(waiting=waiting) <= some <= more


def test_nothing_beside_it_changes_nothing():
    assert takes_s(OtherLane(-math.inf, []), OtherLane(NOW_S, [0, 0])) == takes_s()
