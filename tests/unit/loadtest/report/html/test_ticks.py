"""Axes have few marks, at numbers that people know."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.report.html import ticks
from loadtest.report.html.chart import Axis, AxisUnit
from loadtest.report.html.ticks import limits, marks

AXES = [
    Axis("", AxisUnit.SECONDS, is_log=True),
    Axis("", AxisUnit.NUMBER),
    Axis("", AxisUnit.SHARE),
    Axis("", AxisUnit.TIME),
]


@pytest.mark.parametrize("axis", AXES, ids=lambda axis: axis.unit.value)
@given(values=st.lists(st.floats(1e-6, 1e6), max_size=5))
def test_there_are_few_marks_and_all_are_inside(axis, values):
    low, high = limits(values, is_log=axis.is_log)
    assert low < high
    found = marks(low, high, axis)
    assert len(found) <= 7
    assert all(low <= at <= high * 1.000001 for at, _ in found)
    assert all(low <= value <= high for value in values)


@pytest.mark.parametrize(
    ("low", "high", "axis", "texts"),
    [
        (0.0008, 0.02, AXES[0], ["1 ms", "2 ms", "5 ms", "10 ms", "20 ms"]),
        (0.0008, 20, AXES[0], ["1 ms", "10 ms", "100 ms", "1 s", "10 s"]),
        (20, 4000, AXES[0], ["30 s", "5 min", "60 min"]),
        (0, 220, AXES[1], ["0", "50", "100", "150", "200"]),
        (0, 1.1, AXES[2], ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]),
        (0, 60, AXES[3], ["0 s", "10 s", "20 s", "30 s", "40 s", "50 s", "60 s"]),
        (0, 1800, AXES[3], ["0 min", "5 min", "10 min", "15 min", "20 min", "25 min", "30 min"]),
        (0, 36_000, AXES[3], ["0 h", "2 h", "4 h", "6 h", "8 h", "10 h"]),
    ],
)
def test_marks_are_round_numbers_with_units(low, high, axis, texts):
    assert [text for _, text in marks(low, high, axis)] == texts


def test_percentiles_are_marked_by_their_nines():
    axis = Axis("", AxisUnit.PERCENTILE, is_log=True)
    texts = [text for _, text in marks(1, 10_000, axis)]
    assert texts == ["0 %", "50 %", "90 %", "99 %", "99.9 %", "99.99 %"]
    assert [text for _, text in marks(1, 10_000, axis, most=3)] == texts[2:]


@pytest.mark.parametrize("is_log", [True, False])
def test_an_axis_of_nothing_is_an_axis(is_log):
    low, high = limits([math.inf, math.nan], is_log=is_log)
    assert low < high


@given(st.lists(st.floats(0, 300), max_size=9))
def test_numbers_keep_apart_and_keep_their_order(places):
    shown = ticks.apart(places, 12)
    order = sorted(range(len(places)), key=places.__getitem__)
    gaps = [shown[after] - shown[before] for before, after in pairwise(order)]
    assert all(gap >= 12 - 1e-6 for gap in gaps)
    if all(places[after] - places[before] >= 12 for before, after in pairwise(order)):
        assert shown == pytest.approx(places)


def test_numbers_that_meet_share_the_way():
    assert ticks.apart([100, 100, 10], 12) == pytest.approx([94, 106, 10])
